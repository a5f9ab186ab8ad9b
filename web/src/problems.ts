/** Everything that can go wrong, in words for the person in front of the page: what happened, and what to do. */

export interface Problem {
  readonly title: string;
  readonly advice: string;
  /** What the person may choose to do about it. */
  readonly actions: readonly ("retry" | "type")[];
}

/** A problem on its way up to whoever shows it. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export function insecureOrigin(host: string, port: string): Problem {
  const local = `http://localhost${port ? `:${port}` : ""}`;
  return {
    title: "The browser keeps the microphone from this page",
    advice:
      `Browsers allow the microphone only over HTTPS or on the machine itself, and this page came from http://${host}. ` +
      `On the machine that runs rtvi-local, open ${local}; from another one, use HTTPS. You can type in the meantime.`,
    actions: ["type"],
  };
}

/** What `getUserMedia` failed with, by the names that the Media Capture standard gives its errors. */
export function microphoneProblem(error: unknown): Problem {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return {
        title: "The microphone is not allowed",
        advice:
          "Allow it in the browser: use the microphone or lock symbol beside the address, then try again. " +
          "If the browser does allow it, look for the system's own privacy setting.",
        actions: ["retry", "type"],
      };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        title: "No microphone was found",
        advice: "Plug one in or turn it on, then try again. Without one you can type, and hear the answers.",
        actions: ["retry", "type"],
      };
    case "NotReadableError":
    case "AbortError":
      return {
        title: "The microphone is in use",
        advice: "Another program seems to hold it. Close that program (a call, a recorder), then try again.",
        actions: ["retry", "type"],
      };
    default:
      return {
        title: "The microphone could not be opened",
        advice: `The browser said: ${String(error)}. Try another microphone in the sound settings.`,
        actions: ["retry", "type"],
      };
  }
}

export const microphoneLost: Problem = {
  title: "The microphone is gone",
  advice: "It was unplugged or turned off. Choose another one in the sound settings, or go on typing.",
  actions: [],
};

export const noNetworkInterface: Problem = {
  title: "This machine has no network for sound",
  advice:
    "Browsers send sound over WebRTC, which needs at least one network interface that is up, even to talk with the machine itself; " +
    "no internet is needed. Turn on Wi-Fi or plug in a cable, then try again. A browser setting or extension that hides addresses has the same effect.",
  actions: ["retry"],
};

export const blocked: Problem = {
  title: "The sound connection could not be made",
  advice:
    "rtvi-local answers, but WebRTC gets no way through. A firewall or a VPN may block UDP between the browser and the machine. " +
    "Allow it, or turn the VPN off, then try again.",
  actions: ["retry"],
};

export const unreachable: Problem = {
  title: "rtvi-local does not answer",
  advice: "It is not running, or this device has lost the way to it. Start it again; this page notices when it is back.",
  actions: [],
};

export const stillLoading: Problem = {
  title: "rtvi-local is still loading its models",
  advice: "It was started a moment ago. This page notices when it is ready.",
  actions: [],
};

export const connectionLost: Problem = {
  title: "The connection was lost",
  advice: "rtvi-local is running, but the connection broke and could not be restored. What was said stays on the page.",
  actions: ["retry"],
};

export const assistantLeft: Problem = {
  title: "The conversation was ended by the assistant",
  advice: "It may have been stopped, or nothing was said for a long time. Start again whenever you like.",
  actions: [],
};

/** The server answered the offer with a refusal. `detail` is its own explanation, if it gave one. */
export function refused(status: number | undefined, detail: string | undefined): Problem {
  if (status === 429 || status === 503) {
    return {
      title: "All places are taken",
      advice: `${detail ? `${sentence(detail)} ` : ""}Somebody else is talking with this machine. Try again in a while.`,
      actions: ["retry"],
    };
  }
  return {
    title: "rtvi-local refused the conversation",
    advice: `${detail ? sentence(detail) : "It gave no reason."}${status ? ` (HTTP ${status})` : ""}`,
    actions: ["retry"],
  };
}

/** The answer to a file was a refusal. */
export function fileRefused(text: string): Problem {
  return { title: "The file could not be used", advice: sentence(text), actions: [] };
}

/** What `getUserMedia` failed with when the camera was asked for. */
export function cameraProblem(error: unknown): Problem {
  const name = error instanceof DOMException ? error.name : "";
  const refused = name === "NotAllowedError" || name === "SecurityError";
  const missing = name === "NotFoundError" || name === "OverconstrainedError";
  return {
    title: refused ? "The camera is not allowed" : missing ? "No camera was found" : "The camera cannot be used",
    advice: refused
      ? "Allow it in the browser: use the camera or lock symbol beside the address. It is allowed only over HTTPS or on the machine itself."
      : missing
        ? "Plug one in or turn it on, then try again."
        : "Another program may be using it. Close that, then try again.",
    actions: [],
  };
}

/** An `error` message of RTVI. */
export function reported(text: string, fatal: boolean): Problem {
  return {
    title: fatal ? "The assistant had to stop" : "Something did not work",
    advice: sentence(text || "No reason was given."),
    actions: fatal ? ["retry"] : [],
  };
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
