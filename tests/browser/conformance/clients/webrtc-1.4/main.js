import { LogLevel, PipecatClient } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";
import { offer } from "../common/pipecat_client.js";

offer({
  PipecatClient,
  LogLevel,
  newTransport: () => new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
  way: (client) => client.startBotAndConnect({ endpoint: `${location.origin}/start`, requestData: { body: window.wanted } }),
});
