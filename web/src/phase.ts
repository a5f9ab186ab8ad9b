/** What the conversation is doing right now, as a pure function of what the server reported. */

export type Phase = "offline" | "starting" | "connecting" | "reconnecting" | "listening" | "hearing" | "thinking" | "speaking";

export interface Turn {
  readonly userSpeaking: boolean;
  readonly botSpeaking: boolean;
  readonly awaitingAnswer: boolean;
}

export type TurnEvent =
  | "user-started-speaking"
  | "user-stopped-speaking"
  | "text-sent"
  | "bot-llm-started"
  | "bot-started-speaking"
  | "bot-stopped-speaking"
  | "gave-up-waiting";

export const SILENCE: Turn = { userSpeaking: false, botSpeaking: false, awaitingAnswer: false };

export function step(turn: Turn, event: TurnEvent): Turn {
  switch (event) {
    case "user-started-speaking":
      return { ...turn, userSpeaking: true, awaitingAnswer: false };
    case "user-stopped-speaking":
      return { ...turn, userSpeaking: false, awaitingAnswer: true };
    case "text-sent":
    case "bot-llm-started":
      return { ...turn, awaitingAnswer: true };
    case "bot-started-speaking":
      return { ...turn, botSpeaking: true, awaitingAnswer: false };
    case "bot-stopped-speaking":
      return { ...turn, botSpeaking: false };
    case "gave-up-waiting":
      return { ...turn, awaitingAnswer: false };
  }
}

/** The person comes first: whoever interrupts sees at once that they are heard. */
export function phaseOf(turn: Turn): Phase {
  if (turn.userSpeaking) return "hearing";
  if (turn.botSpeaking) return "speaking";
  return turn.awaitingAnswer ? "thinking" : "listening";
}
