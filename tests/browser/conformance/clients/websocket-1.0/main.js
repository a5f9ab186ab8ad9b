import { LogLevel, PipecatClient } from "@pipecat-ai/client-js";
import { WavMediaManager, WebSocketTransport } from "@pipecat-ai/websocket-transport";
import { offer } from "../common/pipecat_client.js";
import { withoutDaily } from "../common/without_daily.js";

offer({
  PipecatClient,
  LogLevel,
  newTransport: () => withoutDaily(WebSocketTransport, WavMediaManager),
  way: (client) => client.connect({ endpoint: `${location.origin}/connect`, requestData: window.wanted }),
});
