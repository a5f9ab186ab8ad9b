import { LLMHelper, LogLevel, RTVIClient } from "@pipecat-ai/client-js";
import { WavMediaManager, WebSocketTransport } from "@pipecat-ai/websocket-transport";
import { callbacks } from "../common/recorder.js";
import { withoutDaily } from "../common/without_daily.js";

let client;
let llm;

function make() {
  client = new RTVIClient({
    transport: withoutDaily(WebSocketTransport, WavMediaManager),
    params: { baseUrl: location.origin, endpoints: { connect: "/connect", action: "/action" }, requestData: window.wanted },
    enableMic: true,
    enableCam: false,
    callbacks,
  });
  client.setLogLevel(LogLevel.ERROR);
  llm = client.registerHelper("llm", new LLMHelper({ callbacks }));
  window.client = client;
}

function connect() {
  make();
  return client.connect();
}

const refused = (answer) => Promise.reject(new Error(JSON.stringify(answer.data)));
const action = (service, name, given) =>
  client.action({ service, action: name, arguments: Object.entries(given ?? {}).map(([name, value]) => ({ name, value })) }).catch(refused);

make();

window.it = {
  version: () => client.version,
  connect,
  reconnect: connect,
  disconnect: () => client.disconnect(),
  disconnectBot: () => client.disconnectBot(),
  append: (content, answer) => llm.appendToMessages({ role: "user", content }, answer),
  context: () => llm.getContext(),
  describe: async () => (await client.describeConfig()).data.config,
  config: () => client.getConfig(),
  update: async (config) => (await client.updateConfig(config).catch(refused)).data.config,
  actions: async () => (await client.describeActions()).data.actions,
  act: async (service, name, given) => (await action(service, name, given)).data.result,
  mute: (muted) => client.enableMic(!muted),
  handle: (name, answer) =>
    llm.handleFunctionCall(async (call) => {
      (window.calls ??= []).push(call);
      return answer;
    }),
  handleLate: () => llm.handleFunctionCall(() => new Promise((resolve) => (window.answerLate = resolve))),
  send: (message) => client.sendMessage(message),
};
