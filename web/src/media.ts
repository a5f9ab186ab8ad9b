/** The media manager of the page: one microphone through `getUserMedia`, and the camera that the page may have opened. */

import type { PipecatClientOptions, Tracks } from "@pipecat-ai/client-js";
import { insecureOrigin, microphoneProblem, ProblemError } from "./problems";

type Device = MediaDeviceInfo | Record<string, never>;

/**
 * What SmallWebRTCTransport asks of its media manager. The package does not export the abstract class itself;
 * the members about raw audio are left out, since only the WebSocket transport calls them.
 */
interface MediaManager {
  setClientOptions(options: PipecatClientOptions): void;
  initialize(): Promise<void>;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  getAllMics(): Promise<MediaDeviceInfo[]>;
  getAllCams(): Promise<MediaDeviceInfo[]>;
  getAllSpeakers(): Promise<MediaDeviceInfo[]>;
  updateMic(id: string): Promise<void>;
  updateCam(id: string): void;
  updateSpeaker(id: string): void;
  enableMic(enable: boolean): void;
  enableCam(enable: boolean): void;
  enableScreenShare(enable: boolean): void;
  readonly selectedMic: Device;
  readonly selectedCam: Device;
  readonly selectedSpeaker: Device;
  readonly isMicEnabled: boolean;
  readonly isCamEnabled: boolean;
  readonly isSharingScreen: boolean;
  readonly supportsScreenShare: boolean;
  tracks(): Tracks;
}

export interface MicrophoneListener {
  /** There is another track to send, or none any more. */
  onTrack(track: MediaStreamTrack | undefined): void;
  /** The device went away while it was in use, and no other could take its place. */
  onLost(): void;
}

export class Microphone implements MediaManager {
  readonly isSharingScreen = false;
  readonly supportsScreenShare = false;
  readonly selectedCam = {};
  readonly selectedSpeaker = {};

  /** What a connection that is made, or made again, shows. */
  camera: MediaStreamTrack | undefined;
  #track: MediaStreamTrack | undefined;
  #enabled = false;
  #listener: MicrophoneListener;

  constructor(listener: MicrophoneListener) {
    this.#listener = listener;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  /**
   * Opens the device of that id, or the default one if it is gone or "", and closes the one before.
   * Throws a ProblemError that says what to do.
   */
  async open(deviceId: string): Promise<void> {
    // On an insecure origin browsers leave the whole object out, whatever the types say.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) throw new ProblemError(insecureOrigin(location.host, location.port));
    let stream: MediaStream;
    try {
      stream = await devices.getUserMedia({ audio: constraints(deviceId) }).catch((error: unknown) => {
        const gone = error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name);
        if (deviceId && gone) return devices.getUserMedia({ audio: constraints("") });
        throw error;
      });
    } catch (error) {
      throw new ProblemError(microphoneProblem(error));
    }
    const [track] = stream.getAudioTracks();
    if (!track) throw new ProblemError(microphoneProblem(new DOMException("", "NotFoundError")));
    this.close();
    keepOpen(track);
    track.enabled = this.#enabled;
    track.addEventListener("ended", () => void this.#replaceLost(track));
    this.#track = track;
    this.#listener.onTrack(track);
  }

  close(): void {
    if (!this.#track) return;
    reallyStop(this.#track);
    this.#track = undefined;
    this.#listener.onTrack(undefined);
  }

  async #replaceLost(track: MediaStreamTrack): Promise<void> {
    if (track !== this.#track) return;
    try {
      await this.open("");
    } catch {
      this.close();
      this.#listener.onLost();
    }
  }

  setClientOptions(options: PipecatClientOptions): void {
    this.enableMic(options.enableMic ?? true);
  }

  /** The page opens the microphone itself before it connects, so that a refusal is told apart from a broken connection. */
  async initialize(): Promise<void> {}
  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {
    this.close();
  }

  enableMic(enable: boolean): void {
    this.#enabled = enable;
    if (this.#track) this.#track.enabled = enable;
  }

  get isMicEnabled(): boolean {
    return this.#enabled && this.#track !== undefined;
  }

  get isCamEnabled(): boolean {
    return this.camera !== undefined;
  }

  tracks(): Tracks {
    return { local: { ...(this.#track && { audio: this.#track }), ...(this.camera && { video: this.camera }) } };
  }

  get selectedMic(): Record<string, never> {
    return {};
  }

  getAllMics = () => devicesOf("audioinput");
  getAllSpeakers = () => devicesOf("audiooutput");
  getAllCams = async () => [];
  updateMic = (id: string) => this.open(id);
  updateCam(): void {}
  updateSpeaker(): void {}
  enableCam(): void {}
  enableScreenShare(): void {}
}

/** The devices of a kind; without permission to use the microphone their ids and labels are empty. */
export async function devicesOf(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  return devices ? (await devices.enumerateDevices()).filter((device) => device.kind === kind) : [];
}

function constraints(deviceId: string): MediaTrackConstraints {
  return {
    // Without echo cancellation the assistant hears itself through the loudspeaker and interrupts itself.
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: { ideal: 1 },
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

/**
 * Takes `stop()` away from everyone but `reallyStop`. On a reconnection the transport closes the old peer connection
 * and stops the track that it sent, though the new one sends the same track: the person would be mute from then on.
 */
export function keepOpen(track: MediaStreamTrack): void {
  track.stop = () => {};
}

export function reallyStop(track: MediaStreamTrack): void {
  MediaStreamTrack.prototype.stop.call(track);
}
