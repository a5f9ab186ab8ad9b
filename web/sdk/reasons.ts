/** Why something failed, in one text for the person who writes the application. */

import { detailOf } from "../src/appliance";
import { ProblemError } from "../src/problems";

export async function reasonOf(error: unknown): Promise<string> {
  if (error instanceof ProblemError) return `${error.problem.title}. ${error.problem.advice}`;
  if (error instanceof Error) {
    if (!(error.cause instanceof Response)) return error.message;
    return `${(await detailOf(error.cause)) ?? "The server refused the conversation"} (HTTP ${error.cause.status})`;
  }
  // A request is rejected with the message that came back, which is none of the client's own objects.
  const { data } = (error ?? {}) as { data?: { error?: string } };
  return data?.error ?? String(error);
}
