import { LogLevel, PipecatClient } from "@pipecat-ai/client-js";
import { PipecatClientAudio, PipecatClientProvider, usePipecatConversation } from "@pipecat-ai/client-react";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";
import { createRoot } from "react-dom/client";
import { offer } from "../common/pipecat_client.js";

offer({
  PipecatClient,
  LogLevel,
  newTransport: () => new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
  way: (client) => client.startBotAndConnect({ endpoint: `${location.origin}/start`, requestData: { body: window.wanted } }),
});

/** One element per bubble: who, whether it is open, and what of it is spoken and what is still to come. */
function Bubbles() {
  const { messages } = usePipecatConversation();
  return (
    <ol>
      {messages.map((message) => (
        <li key={message.createdAt + message.role} data-role={message.role} data-final={String(message.final)}>
          {(message.parts ?? []).map((part, index) =>
            typeof part.text === "object" ? (
              <p key={index}>
                <b>{part.text.spoken}</b>
                <i>{part.text.unspoken}</i>
              </p>
            ) : (
              <p key={index}>{part.text}</p>
            ),
          )}
        </li>
      ))}
    </ol>
  );
}

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <PipecatClientProvider client={window.client}>
    <Bubbles />
    <PipecatClientAudio />
  </PipecatClientProvider>,
);
