import { LogLevel, PipecatClient } from "@pipecat-ai/client-js";
import { WavMediaManager, WebSocketTransport } from "@pipecat-ai/websocket-transport";
import { offer } from "../common/pipecat_client.js";

offer({
  PipecatClient,
  LogLevel,
  newTransport: () => new WebSocketTransport({ mediaManager: new WavMediaManager(512, 16_000) }),
  way: (client) =>
    client.startBotAndConnect({
      endpoint: `${location.origin}/start`,
      requestData: { transport: "websocket", body: window.wanted },
    }),
});
