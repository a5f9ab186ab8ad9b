// What a client reports, kept for the test to read.

const NAMES = [
  "Connected", "Disconnected", "TransportStateChanged", "BotConnected", "BotReady", "BotDisconnected", "BotStarted", "Error", "MessageError",
  "ServerMessage", "Metrics", "TrackStarted", "TrackStopped", "DeviceError",
  "UserStartedSpeaking", "UserStoppedSpeaking", "UserTranscript", "UserLlmText", "UserMuteStarted", "UserMuteStopped",
  "BotLlmStarted", "BotLlmText", "BotLlmStopped", "BotTranscript", "BotTtsStarted", "BotTtsText", "BotTtsStopped",
  "BotStartedSpeaking", "BotStoppedSpeaking", "BotOutput", "UICommand", "UIJobGroup",
  "LLMFunctionCall", "LLMFunctionCallStarted", "LLMFunctionCallInProgress", "LLMFunctionCallStopped",
  "Config", "ConfigDescribe", "ActionsAvailable", "GenericMessage",
];

/** Every call of a callback, in order: {at, name, given}. `at` is the page's time in milliseconds. */
export const recorded = [];
window.recorded = recorded;

const plain = (value) => {
  if (value instanceof MediaStreamTrack) return { kind: value.kind };
  try {
    return JSON.parse(JSON.stringify(value ?? null));
  } catch {
    return String(value);
  }
};

export const callbacks = Object.fromEntries(
  NAMES.map((name) => [
    `on${name}`,
    (...given) => {
      recorded.push({ at: performance.now(), name, given: given.map(plain) });
      const [track, participant] = given;
      if (name === "TrackStarted" && track.kind === "audio" && !participant?.local) window.play(track);
    },
  ]),
);

// A promise that nobody waits for is a fault of the test; one that a client drops is the client's own.
addEventListener("unhandledrejection", (event) => event.preventDefault());
