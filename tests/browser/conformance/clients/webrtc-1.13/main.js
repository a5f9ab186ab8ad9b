import { LogLevel, PipecatClient } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";
import { withPictures } from "../common/pictures.js";
import { offer } from "../common/pipecat_client.js";

const MediaManager = withPictures(WavMediaManager);

offer({
  PipecatClient,
  LogLevel,
  newTransport: () => new SmallWebRTCTransport({ mediaManager: new MediaManager() }),
  way: (client) => client.startBotAndConnect({ endpoint: `${location.origin}/start`, requestData: { body: window.wanted } }),
});
