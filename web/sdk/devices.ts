/** The media manager of the SDK: the page's microphone, and a camera beside it. */

import type { PipecatClientOptions, Tracks } from "@pipecat-ai/client-js";
import { Camera } from "../src/camera";
import { devicesOf, Microphone } from "../src/media";

/** There is another track to send. */
export type TrackListener = (track: MediaStreamTrack) => void;

export class Devices {
  readonly isSharingScreen = false;
  readonly supportsScreenShare = false;
  readonly selectedMic = {};
  readonly selectedCam = {};
  readonly selectedSpeaker = {};

  #microphone: Microphone;
  #camera = new Camera();
  #onTrack: TrackListener;

  constructor(onTrack: TrackListener, onMicrophoneLost: () => void) {
    this.#onTrack = onTrack;
    this.#microphone = new Microphone({
      onTrack: (track) => {
        if (track) onTrack(track);
      },
      onLost: onMicrophoneLost,
    });
  }

  /** Throws a ProblemError or, for the camera, what `getUserMedia` throws. */
  async open(wanted: { microphone: boolean; camera: boolean }): Promise<void> {
    if (wanted.microphone) await this.#microphone.open("");
    if (wanted.camera) await this.#openCamera();
  }

  close(): void {
    this.#microphone.close();
    this.#camera.close();
  }

  async #openCamera(): Promise<void> {
    this.#onTrack(await this.#camera.open());
  }

  setClientOptions(options: PipecatClientOptions): void {
    this.#microphone.setClientOptions(options);
  }

  /** The devices are opened before the client connects, so that a refusal is told apart from a broken connection. */
  async initialize(): Promise<void> {}
  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {
    this.close();
  }

  tracks(): Tracks {
    const { local } = this.#microphone.tracks();
    return { local: this.#camera.track ? { ...local, video: this.#camera.track } : local };
  }

  enableMic(enable: boolean): void {
    this.#microphone.enableMic(enable);
  }

  enableCam(enable: boolean): void {
    if (this.#camera.track) this.#camera.track.enabled = enable;
  }

  get isMicEnabled(): boolean {
    return this.#microphone.isMicEnabled;
  }

  get isCamEnabled(): boolean {
    return this.#camera.track?.enabled ?? false;
  }

  getAllMics = () => devicesOf("audioinput");
  getAllCams = () => devicesOf("videoinput");
  getAllSpeakers = () => devicesOf("audiooutput");
  updateMic = (id: string) => this.#microphone.open(id);
  updateCam(): void {}
  updateSpeaker(): void {}
  enableScreenShare(): void {}
}
