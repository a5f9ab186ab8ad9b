/** The official client as its makers publish it, with a media manager from its own package: what a stranger would write. */

import { LogLevel, PipecatClient, RTVIEvent } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

interface Recorded {
  readonly type: string;
  readonly data: unknown;
}

declare global {
  interface Window {
    /** Everything that the client reported, in order, for the test to read. */
    recorded: Recorded[];
    /** The loudest sample of the assistant's voice so far, in 0..1. */
    peak: number;
  }
}

window.recorded = [];
window.peak = 0;

const EVENTS = [
  RTVIEvent.Connected,
  RTVIEvent.Disconnected,
  RTVIEvent.BotReady,
  RTVIEvent.UserStartedSpeaking,
  RTVIEvent.UserStoppedSpeaking,
  RTVIEvent.UserTranscript,
  RTVIEvent.UserLlmText,
  RTVIEvent.BotLlmStarted,
  RTVIEvent.BotLlmText,
  RTVIEvent.BotLlmStopped,
  RTVIEvent.BotTtsStarted,
  RTVIEvent.BotTtsText,
  RTVIEvent.BotTtsStopped,
  RTVIEvent.BotStartedSpeaking,
  RTVIEvent.BotStoppedSpeaking,
  RTVIEvent.BotOutput,
  RTVIEvent.Metrics,
  RTVIEvent.Error,
  RTVIEvent.MessageError,
];

const client = new PipecatClient({
  transport: new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
  enableMic: true,
  enableCam: false,
});
client.setLogLevel(LogLevel.WARN);
for (const type of EVENTS) client.on(type, (data?: unknown) => window.recorded.push({ type, data }));
client.on(RTVIEvent.TrackStarted, (track, participant) => {
  if (participant?.local || track.kind !== "audio") return;
  const stream = new MediaStream([track]);
  const voice = document.getElementById("voice") as HTMLAudioElement;
  voice.srcObject = stream;
  listen(stream);
});

function listen(stream: MediaStream): void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) window.peak = Math.max(window.peak, Math.abs(sample));
  }, 20);
}

document.getElementById("connect")?.addEventListener("click", () => {
  const query = new URLSearchParams(location.search);
  const endpoint = new URL(query.get("start") ?? "/start", location.href).href;
  client.startBotAndConnect({ endpoint }).catch((error: unknown) => {
    window.recorded.push({ type: "failed", data: String(error) });
  });
});
document.getElementById("disconnect")?.addEventListener("click", () => void client.disconnect());
