/** The peer connection below the transport: looking whether there can be one, and reaching into it. */

import type { SmallWebRTCTransport } from "@pipecat-ai/small-webrtc-transport";

/**
 * The transport's connection. It keeps it private and offers no way to exchange the microphone's track,
 * nor to learn that ICE is down; a browser test pins that this reaches it in the version of the lock file.
 */
export function peerConnection(transport: SmallWebRTCTransport): RTCPeerConnection | null {
  return (transport as unknown as { pc: RTCPeerConnection | null }).pc;
}

/**
 * The bot's sound. When the transport replaces a lost connection it tells of the old track's end, but forgets the
 * new one with it and never tells of that.
 */
export function botTrack(transport: SmallWebRTCTransport): MediaStreamTrack | undefined {
  return peerConnection(transport)?.getTransceivers()[0]?.receiver.track;
}

const FIRST_TIMEOUT_MS = 1000;
const GATHERING_TIMEOUT_MS = 3000;

/**
 * Whether this browser can gather any ICE candidate. On a machine whose only interface is loopback it gathers
 * none, and then `connect()` would try for ever without saying why.
 */
export async function canGatherCandidates(): Promise<boolean> {
  // Chromium's first connection waits to be told of networks, and where there are none it waits for ever; the
  // second finds out within 150 ms. With a network, a candidate comes within 20 ms, on a slow machine later.
  return (await gathers(FIRST_TIMEOUT_MS)) ?? (await gathers(GATHERING_TIMEOUT_MS)) ?? false;
}

/** Undefined if that does not show in time. */
async function gathers(timeoutMs: number): Promise<boolean | undefined> {
  const probe = new RTCPeerConnection({ iceServers: [] });
  try {
    const found = new Promise<boolean | undefined>((resolve) => {
      probe.onicecandidate = ({ candidate }) => {
        if (candidate?.candidate) resolve(true);
        else if (!candidate) resolve(false);
      };
      setTimeout(() => resolve(undefined), timeoutMs);
    });
    probe.createDataChannel("probe");
    await probe.setLocalDescription();
    return await found;
  } finally {
    probe.close();
  }
}
