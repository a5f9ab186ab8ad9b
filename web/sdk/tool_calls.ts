/** Tool calls between RTVI's messages and the blocks that the application reads and writes. No effects. */

import type { LLMFunctionCallInProgressData, LLMFunctionCallResult, LLMFunctionCallResultResponse } from "@pipecat-ai/client-js";
import type { ToolResult } from "./voice_client";

export class ToolCalls {
  #open = new Map<string, { function_name: string; arguments: Record<string, unknown> }>();

  /** JSON of the call, to be answered by a result of the same id; undefined if it is none of the client's. */
  began({ tool_call_id: id, function_name: name, arguments: input = {} }: LLMFunctionCallInProgressData): string | undefined {
    // The server keeps the names of the tools that it runs itself.
    if (!name) return undefined;
    this.#open.set(id, { function_name: name, arguments: input });
    return JSON.stringify({ role: "assistant", content: [{ type: "tool_use", id, name, input }] });
  }

  /** Nobody waits for its result any more. */
  stopped(id: string): void {
    this.#open.delete(id);
  }

  clear(): void {
    this.#open.clear();
  }

  /**
   * The answers in a message, each to a call that is open, and to be sent once. A result for a call that is over (cancelled, or
   * answered before) is left out: the conversation has gone on without it. Throws a TypeError on what is no result.
   */
  answers(message: ToolResult): LLMFunctionCallResultResponse[] {
    const answers: LLMFunctionCallResultResponse[] = [];
    const blocks: unknown = message?.content;
    if (!Array.isArray(blocks)) throw new TypeError("A tool result is {role: 'user', content: [{type: 'tool_result', …}]}.");
    for (const block of message.content) {
      if (block?.type !== "tool_result" || typeof block.tool_use_id !== "string") {
        throw new TypeError("Each content of a tool result is {type: 'tool_result', tool_use_id, content}.");
      }
      const call = this.#open.get(block.tool_use_id);
      if (!call) continue;
      this.#open.delete(block.tool_use_id);
      answers.push({ ...call, tool_call_id: block.tool_use_id, result: block.content as LLMFunctionCallResult });
    }
    return answers;
  }
}
