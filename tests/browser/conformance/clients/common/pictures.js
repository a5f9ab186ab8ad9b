/** Frames a second: several browsers encode them at once. */
const FEW = { video: { frameRate: 5 } };

/**
 * The media manager of a package opens a microphone only. This is what an application that has more to show derives from it: a
 * camera and a screen, opened before the conversation, as the transport takes its tracks while it connects.
 */
export const withPictures = (WavMediaManager) =>
  class extends WavMediaManager {
    get supportsScreenShare() {
      return Boolean(this._options?.enableScreenShare);
    }

    get isCamEnabled() {
      return Boolean(this.camera?.enabled);
    }

    get isSharingScreen() {
      return this.screen?.readyState === "live";
    }

    async connect() {
      await super.connect();
      const { enableCam, enableScreenShare } = this._options;
      if (enableCam) [this.camera] = (await navigator.mediaDevices.getUserMedia(FEW)).getVideoTracks();
      if (enableScreenShare) [this.screen] = (await navigator.mediaDevices.getDisplayMedia(FEW)).getVideoTracks();
    }

    async disconnect() {
      this.camera?.stop();
      this.screen?.stop();
      await super.disconnect();
    }

    tracks() {
      const { local } = super.tracks();
      return { local: { ...local, video: this.camera, screenVideo: this.screen } };
    }
  };
