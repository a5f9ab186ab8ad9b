/** The media manager for the WebSocket: WebRTC brings its own sound, a WebSocket has to be given it as PCM. */

import type { PipecatClientOptions, Tracks } from "@pipecat-ai/client-js";
import type { Microphone } from "./media";

/** What the server sends. The page plays at the same rate, and leaves it to the browser to convert. */
const PLAYER_SAMPLE_RATE = 24_000;

/** One connection's sound. `bot` is a track like WebRTC's: it plays wherever the page plays that. */
export class SocketMedia {
  readonly bot: MediaStreamTrack;
  readonly #microphone: Microphone;
  readonly #recording = new AudioContext();
  readonly #playing = new AudioContext({ sampleRate: PLAYER_SAMPLE_RATE });
  readonly #destination = this.#playing.createMediaStreamDestination();
  #recorder: AudioWorkletNode | undefined;
  #player: AudioWorkletNode | undefined;
  #source: MediaStreamAudioSourceNode | undefined;
  #send: (pcm: ArrayBuffer) => void = () => {};

  constructor(microphone: Microphone) {
    this.#microphone = microphone;
    const [track] = this.#destination.stream.getAudioTracks();
    if (!track) throw new Error("this browser gives a stream without a track");
    this.bot = track;
  }

  /** Hz of the microphone's PCM: the browser's own, since not every browser converts a microphone's. */
  get recorderSampleRate(): number {
    return this.#recording.sampleRate;
  }

  async connect(): Promise<void> {
    // On an insecure origin there is no audio thread, and no microphone: what is said can still be read.
    if (!window.isSecureContext) return;
    const worklet = new URL("socket_worklet.js", document.baseURI);
    await Promise.all([this.#recording, this.#playing].map((context) => context.audioWorklet.addModule(worklet)));
    this.#player = new AudioWorkletNode(this.#playing, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#player.connect(this.#destination);
    this.#recorder = new AudioWorkletNode(this.#recording, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.#recorder.port.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => this.#send(data);
    await Promise.all([this.#recording.resume(), this.#playing.resume()]);
    this.record(this.#microphone.track);
  }

  /** Sends this microphone from now on. */
  record(track: MediaStreamTrack | undefined): void {
    this.#source?.disconnect();
    this.#source = undefined;
    if (!track || !this.#recorder) return;
    this.#source = this.#recording.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#recorder);
  }

  async disconnect(): Promise<void> {
    this.#source?.disconnect();
    await Promise.all([this.#recording, this.#playing].map((context) => context.close().catch(() => undefined)));
    await this.#microphone.disconnect();
  }

  setUserAudioCallback(send: (pcm: ArrayBuffer) => void): void {
    this.#send = send;
  }

  bufferBotAudio(pcm: ArrayBuffer | Int16Array): undefined {
    this.#player?.port.postMessage(pcm instanceof Int16Array ? pcm : new Int16Array(pcm));
  }

  setClientOptions = (options: PipecatClientOptions): void => this.#microphone.setClientOptions(options);
  initialize = async (): Promise<void> => {};
  userStartedSpeaking = async (): Promise<void> => {};
  enableMic = (enable: boolean): void => this.#microphone.enableMic(enable);
  get isMicEnabled(): boolean {
    return this.#microphone.isMicEnabled;
  }
  tracks(): Tracks {
    return { ...this.#microphone.tracks(), bot: { audio: this.bot } };
  }
  getAllMics = () => this.#microphone.getAllMics();
  getAllSpeakers = () => this.#microphone.getAllSpeakers();
  getAllCams = async (): Promise<MediaDeviceInfo[]> => [];
  updateMic = (id: string) => this.#microphone.updateMic(id);
  updateCam(): void {}
  updateSpeaker(): void {}
  enableCam(): void {}
  enableScreenShare(): void {}
  readonly selectedMic = {};
  readonly selectedCam = {};
  readonly selectedSpeaker = {};
  readonly isCamEnabled = false;
  readonly isSharingScreen = false;
  readonly supportsScreenShare = false;
}
