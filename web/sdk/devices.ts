/** The media manager of the SDK: the page's microphone, and a camera beside it. */

import type { PipecatClientOptions, Tracks } from "@pipecat-ai/client-js";
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
  #camera: MediaStreamTrack | undefined;
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
    if (this.#camera) MediaStreamTrack.prototype.stop.call(this.#camera);
    this.#camera = undefined;
  }

  async #openCamera(): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    const [track] = stream.getVideoTracks();
    if (!track) throw new DOMException("There is no camera.", "NotFoundError");
    // Only `close` ends it: on a reconnection the transport stops the track that the new connection sends, too.
    track.stop = () => {};
    this.#camera = track;
    this.#onTrack(track);
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
    return { local: this.#camera ? { ...local, video: this.#camera } : local };
  }

  enableMic(enable: boolean): void {
    this.#microphone.enableMic(enable);
  }

  enableCam(enable: boolean): void {
    if (this.#camera) this.#camera.enabled = enable;
  }

  get isMicEnabled(): boolean {
    return this.#microphone.isMicEnabled;
  }

  get isCamEnabled(): boolean {
    return this.#camera?.enabled ?? false;
  }

  getAllMics = () => devicesOf("audioinput");
  getAllCams = () => devicesOf("videoinput");
  getAllSpeakers = () => devicesOf("audiooutput");
  updateMic = (id: string) => this.#microphone.open(id);
  updateCam(): void {}
  updateSpeaker(): void {}
  enableScreenShare(): void {}
}
