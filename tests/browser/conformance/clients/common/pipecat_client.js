// The clients of RTVI 1.x and 2.x, as one thing to the tests. What a version does not have is not there.
import { callbacks } from "./recorder.js";

export function offer({ PipecatClient, LogLevel, newTransport, way }) {
  let client;
  const make = () => {
    client = new PipecatClient({ transport: newTransport(), enableMic: true, enableCam: false, callbacks, ...window.shown });
    client.setLogLevel(LogLevel.ERROR);
    window.client = client;
  };
  make();
  const has = (name) => typeof client[name] === "function";
  const functions = {
    version: () => client.version,
    connect: () => way(client),
    /** A new client, and a new conversation. */
    reconnect: () => {
      make();
      return way(client);
    },
    disconnect: () => client.disconnect(),
    disconnectBot: () => client.disconnectBot(),
    ask: (type, data) => client.sendClientRequest(type, data).catch((refusal) => Promise.reject(new Error(JSON.stringify(refusal.data)))),
    append: (content, answer) => client.appendToContext({ role: "user", content, run_immediately: answer }),
    mute: (muted) => client.enableMic(!muted),
    handle: (name, answer) =>
      client.registerFunctionCallHandler(name, async (call) => {
        (window.calls ??= []).push(call);
        return answer;
      }),
    /** Answers when the test calls `answerLate`. */
    handleLate: (name) =>
      client.registerFunctionCallHandler(name, () => new Promise((resolve) => (window.answerLate = resolve))),
  };
  if (has("sendText")) functions.write = (content, options) => client.sendText(content, options);
  if (has("sendDTMF")) functions.press = (keys) => client.sendDTMF(keys);
  if (has("sendUIEvent")) functions.uiEvent = (event, payload) => client.sendUIEvent(event, payload);
  /** Any message, as the client's own envelope. */
  functions.send = (message) => client.transport.sendMessage(message);
  window.it = functions;
}
