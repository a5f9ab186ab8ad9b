/** RTVI over a WebSocket, for where WebRTC cannot connect. */

import { WebSocketTransport } from "@pipecat-ai/websocket-transport";
import type { Microphone } from "./media";
import { SocketMedia } from "./socket_media";

type Options = NonNullable<ConstructorParameters<typeof WebSocketTransport>[0]>;

export interface Socket {
  readonly transport: WebSocketTransport;
  readonly media: SocketMedia;
}

export function openSocket(microphone: Microphone): Socket {
  const url = new URL("ws-client", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const media = new SocketMedia(microphone);
  const transport = new WebSocketTransport({
    wsUrl: url.href,
    // The package does not export the abstract class, whose protected members make it a type of its own.
    mediaManager: media as unknown as NonNullable<Options["mediaManager"]>,
    recorderSampleRate: media.recorderSampleRate,
  });
  return { transport, media };
}

/** The close code, if this error of the client says that the socket is gone: it reports every end as a fatal error. */
export function closeCode(error: string): number | undefined {
  if (!error.startsWith("websocket ")) return undefined;
  return Number(/Code: (\d+)/.exec(error)?.[1] ?? 0);
}

export const CLOSED_BY_THE_BOT = 1000;
