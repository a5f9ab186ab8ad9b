/** The peer connection below the transport: looking whether there can be one, and reaching into it. */

import type { SmallWebRTCTransport } from "@pipecat-ai/small-webrtc-transport";

/**
 * The transport's connection. It keeps it private and offers no way to exchange the microphone's track,
 * nor to learn that ICE is down; a browser test pins that this reaches it in the version of the lock file.
 */
export function peerConnection(transport: SmallWebRTCTransport): RTCPeerConnection | null {
  return (transport as unknown as { pc: RTCPeerConnection | null }).pc;
}

const GATHERING_TIMEOUT_MS = 3000;

/**
 * Whether this browser can gather any ICE candidate. On a machine whose only interface is loopback it gathers
 * none, and then `connect()` would try for ever without saying why.
 */
export async function canGatherCandidates(): Promise<boolean> {
  const probe = new RTCPeerConnection({ iceServers: [] });
  try {
    const found = new Promise<boolean>((resolve) => {
      probe.onicecandidate = ({ candidate }) => {
        if (candidate?.candidate) resolve(true);
        else if (!candidate) resolve(false);
      };
      // A slow machine is no machine without a network: in doubt, let the real connection try.
      setTimeout(() => resolve(true), GATHERING_TIMEOUT_MS);
    });
    probe.createDataChannel("probe");
    await probe.setLocalDescription();
    return await found;
  } finally {
    probe.close();
  }
}
