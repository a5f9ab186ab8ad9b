/** The camera. What it sees is looked at now and then, so that few frames a second are enough. */

import { keepOpen, reallyStop } from "./media";

const CONSTRAINTS: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 10, max: 15 } };

export class Camera {
  #track: MediaStreamTrack | undefined;

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  /** Throws what `getUserMedia` throws. `onLost` is called if the device goes away. */
  async open(onLost: () => void = () => {}): Promise<MediaStreamTrack> {
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) throw new DOMException("Cameras are allowed only over HTTPS or on the machine itself.", "NotAllowedError");
    const [track] = (await devices.getUserMedia({ video: CONSTRAINTS })).getVideoTracks();
    if (!track) throw new DOMException("There is no camera.", "NotFoundError");
    this.close();
    keepOpen(track);
    track.addEventListener("ended", onLost);
    this.#track = track;
    return track;
  }

  close(): void {
    if (this.#track) reallyStop(this.#track);
    this.#track = undefined;
  }
}
