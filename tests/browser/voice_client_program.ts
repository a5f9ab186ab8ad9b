// A program in TypeScript, which has nothing of the VoiceClient but its types.
import { type Tool, VoiceClient } from "./voice-client";

const schema = { type: "object", properties: { location: { type: "string" } }, required: ["location"] };
const founding: Tool = { name: "get_weather", description: "The weather", input_schema: schema };
const openAi: Tool = { type: "function", function: { name: "get_news", description: "The news", parameters: schema } };
// @ts-expect-error A tool has a name.
const nameless: Tool = { description: "The weather" };

const voiceClient = new VoiceClient({
  baseUrl: new URL("http://localhost:7860"),
  enableMic: true,
  tools: [founding, openAi],
  useBuiltinTools: ["get_current_time"],
  config: { tts: { speed: 1.2 } },
  eventHandlers: {
    trackStarted: (track, participant) => console.log(track.kind, participant.isLocal),
    toolUseResponse(json, client) {
      const id: string = JSON.parse(json).content[0].id;
      client.sendToolResult({ role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "sunny" }] });
    },
    botOutput: (output) => console.log(output.text.length),
    picture: ({ blob, source }) => console.log(source, blob.size),
  },
});

await voiceClient.start();
voiceClient.sendText("Hello", { audioResponse: false });
// @ts-expect-error There is no such method.
voiceClient.sendSpeech("Hello");
await voiceClient.disconnect();
console.log(nameless);
