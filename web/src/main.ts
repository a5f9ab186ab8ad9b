/** The page: connects what happens to what is seen. */

import { type Readiness, readiness } from "./appliance";
import { Camera } from "./camera";
import { Conversation } from "./conversation";
import { HoldToTalk } from "./hold_to_talk";
import { LevelMeter } from "./levels";
import { Microphone } from "./media";
import type { Phase } from "./phase";
import * as problems from "./problems";
import type { Problem } from "./problems";
import { remember, remembered } from "./remembered";
import { playOn, SoundSettings } from "./sound_settings";
import { Transcript } from "./transcript";
import { TranscriptView } from "./transcript_view";

const POLL_MS = 2000;
/** Of pictures, by their source; a tool's has none of its own. */
const CAPTIONS: Readonly<Record<string, string>> = { camera: "What I saw", screen: "Your screen, as I saw it" };
const TURN_PHASES: ReadonlySet<Phase> = new Set(["asleep", "listening", "hearing", "thinking", "speaking"]);

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

const button = (id: string) => element(id, HTMLButtonElement);
const [startButton, typeButton, muteButton, stopButton] = [button("start"), button("start-typing"), button("mute"), button("stop")];
const cameraButton = button("camera");
const talkButton = button("talk");
const holdChoice = element("hold-to-talk", HTMLInputElement);
const self = element("self", HTMLVideoElement);
const fileInput = element("file", HTMLInputElement);
const [stateLine, hintLine, latencyLine] = ["state", "hint", "latency"].map((id) => element(id, HTMLParagraphElement));
const orb = element("orb", HTMLDivElement);
const problemBox = element("problem", HTMLDivElement);
const sayForm = element("say", HTMLFormElement);
const textInput = element("text", HTMLInputElement);
const voice = element("voice", HTMLAudioElement);

let phase: Phase = "offline";
let server: Readiness = { kind: "ready" };
let muted = false;
let withMicrophone = false;
/** Only what is said while `talkButton` is held is heard. */
let holdsToTalk = false;
/** Whether it shall be so; as the server has it until the person has chosen. */
let holdWanted = ({ yes: true, no: false } as Record<string, boolean>)[remembered("hold-to-talk")];
holdChoice.checked = holdWanted ?? false;
let wakeWords: readonly string[] = [];
let sees = false;
let wakeLock: WakeLockSentinel | undefined;

const userLevel = new LevelMeter();
const botLevel = new LevelMeter();

const view = new TranscriptView(element("transcript", HTMLOListElement), element("announcer", HTMLDivElement));
const transcript = new Transcript((entry) => {
  document.body.classList.add("has-transcript");
  view.show(entry);
});

const microphone = new Microphone({
  onTrack: (track) => {
    userLevel.attach(track);
    if (track) void conversation.replaceTrack(track);
  },
  onLost: () => {
    withMicrophone = false;
    showProblem(problems.microphoneLost);
    render();
  },
});

const conversation = new Conversation(microphone, {
  onPhase: setPhase,
  onReady: () => void pushToTalk(),
  onProblem: showProblem,
  onUserSpoke: (text, final) => transcript.userSpoke(text, final),
  onBotOutput: (data) => transcript.botOutput(data),
  onInterrupted: () => transcript.interrupted(),
  onWakeWords: (words) => {
    wakeWords = words;
  },
  onBotTrack: (track) => {
    voice.srcObject = new MediaStream([track]);
    botLevel.attach(track);
    // A page that was not clicked may not play yet; the next click or key starts it.
    voice.play().catch(() => addEventListener("pointerdown", () => void voice.play(), { once: true }));
  },
  onLatency: ({ total, parts }) => {
    const detail = document.createElement("span");
    detail.textContent = parts;
    latencyLine?.replaceChildren(total, detail);
  },
  onSees: (can) => {
    sees = can;
    render();
  },
  onPicture: ({ blob, source }) =>
    transcript.showFile("bot-file", CAPTIONS[source] ?? "What I found", URL.createObjectURL(blob)),
});

const camera = new Camera();

const hold = new HoldToTalk(talkButton, (held) => {
  if (held) conversation.press();
  else conversation.release();
  render();
});

const settings = new SoundSettings(
  {
    dialog: element("settings", HTMLDialogElement),
    microphone: element("microphone", HTMLSelectElement),
    loudspeaker: element("loudspeaker", HTMLSelectElement),
    note: element("settings-note", HTMLParagraphElement),
  },
  (role, deviceId) => {
    if (role === "loudspeaker") void playOn(voice, deviceId);
    else if (microphone.track) void microphone.open(deviceId).catch((error) => showProblem(asProblem(error)));
  },
);

const asProblem = (error: unknown): Problem =>
  error instanceof problems.ProblemError ? error.problem : problems.microphoneProblem(error);

async function start(microphoneWanted: boolean): Promise<void> {
  hideProblem();
  withMicrophone = microphoneWanted;
  muted = false;
  await playOn(voice, settings.chosen("loudspeaker"));
  await conversation.start(microphoneWanted ? settings.chosen("microphone") : undefined);
  if (phase !== "offline" && !microphoneWanted) textInput.focus();
}

/** Has the server hear as the person wants, and shows how it does. */
async function pushToTalk(): Promise<void> {
  try {
    holdsToTalk = await conversation.pushToTalk(holdWanted);
  } catch {
    return; // Without a connection the choice waits for the next one.
  }
  holdChoice.checked = holdsToTalk;
  render();
}

function setPhase(next: Phase): void {
  if (next === phase) return;
  const wasActive = isActive(phase);
  // That the connection stands or breaks is news for a screen reader; who speaks at the moment can be heard.
  if (stateLine) stateLine.setAttribute("aria-live", TURN_PHASES.has(phase) && TURN_PHASES.has(next) ? "off" : "polite");
  phase = next;
  if (!wasActive && isActive(phase)) animate();
  void keepScreenOn(isActive(phase));
  if (phase === "offline") {
    void switchCamera(false);
    botLevel.attach(undefined);
    voice.srcObject = null;
  }
  render();
}

const isActive = (value: Phase): boolean => value !== "offline" && value !== "starting";

function render(): void {
  const active = isActive(phase);
  const connected = active && phase !== "connecting";
  document.body.dataset["phase"] = phase;
  document.body.classList.toggle("muted", muted);
  if (stateLine) stateLine.textContent = stateText();
  if (hintLine) hintLine.textContent = hintText();
  // Focus must not fall back to the top of the page when the button that has it goes away.
  const focusLost = document.activeElement instanceof HTMLButtonElement && document.activeElement.closest(".controls");
  startButton.hidden = typeButton.hidden = active;
  startButton.disabled = typeButton.disabled = phase === "starting";
  stopButton.hidden = !active;
  stopButton.textContent = connected ? "End" : "Cancel";
  muteButton.hidden = !connected || !withMicrophone;
  muteButton.setAttribute("aria-pressed", String(muted));
  talkButton.hidden = muteButton.hidden || !holdsToTalk;
  cameraButton.hidden = !connected || !sees;
  cameraButton.setAttribute("aria-pressed", String(camera.track !== undefined));
  const muteLabel = muteButton.querySelector("span");
  if (muteLabel) muteLabel.textContent = muted ? "Unmute" : "Mute";
  sayForm.hidden = !connected;
  if (focusLost && document.activeElement === document.body) (active ? stopButton : startButton).focus();
}

function stateText(): string {
  switch (phase) {
    case "offline":
      return "Ready when you are";
    case "starting":
      return server.kind === "starting" ? "Getting ready" : "Waiting for rtvi-local";
    case "connecting":
      return "Connecting";
    case "reconnecting":
      return "Connection lost, trying again";
    case "asleep":
      return withMicrophone && !muted ? "Asleep" : "Waiting for your message";
    case "listening":
      if (!withMicrophone) return "Waiting for your message";
      if (muted) return "Microphone is off";
      return holdsToTalk && !hold.held ? "Waiting for you" : "Listening";
    case "hearing":
      return "You're speaking";
    case "thinking":
      return "Thinking";
    case "speaking":
      return "Speaking";
  }
}

function hintText(): string {
  if (phase === "starting" && server.kind === "starting") {
    return server.missing.length > 0 ? `Still loading: ${server.missing.join(", ")}` : "The models are being loaded.";
  }
  if (phase === "offline") return "Speak as you would to a person, and interrupt whenever you like.";
  if (phase === "connecting" && withMicrophone) return "Allow the microphone if the browser asks.";
  if (phase === "asleep" && withMicrophone && !muted) return `Say "${wakeWords.join('" or "')}" to wake it.`;
  if (!talkButton.hidden && !muted && !hold.held) return "Hold the button, or the space bar on it, while you talk.";
  if (phase === "speaking" && withMicrophone && !muted) return "Just start talking to interrupt.";
  return "";
}

let shown: Problem | undefined;

function showProblem(problem: Problem): void {
  if (problem === problems.unreachable || problem === problems.stillLoading) void waitForServer();
  if (problem === problems.stillLoading) return;
  if (problem === problems.unreachable) server = { kind: "unreachable" };
  // An alert that is written again is read out again.
  if (problem === shown) return;
  shown = problem;
  const [title, advice, actions] = [problemBox.querySelector("h2"), problemBox.querySelector("p"), problemBox.querySelector(".actions")];
  if (title) title.textContent = problem.title;
  if (advice) advice.textContent = problem.advice;
  const choices = problem.actions.map((action) => {
    const choice = document.createElement("button");
    choice.type = "button";
    choice.textContent = action === "retry" ? "Try again" : "Type instead";
    choice.addEventListener("click", () => void start(action === "retry" && withMicrophone));
    return choice;
  });
  if (choices.length === 0) {
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "OK";
    close.addEventListener("click", hideProblem);
    choices.push(close);
  }
  actions?.replaceChildren(...choices);
  problemBox.hidden = false;
}

function hideProblem(): void {
  shown = undefined;
  problemBox.hidden = true;
}

let waiting = false;

/** Looks until the server is ready, and says what it waits for. */
async function waitForServer(): Promise<void> {
  if (waiting) return;
  waiting = true;
  while (!isActive(phase)) {
    const before = server.kind;
    server = await readiness();
    if (isActive(phase)) break;
    if (server.kind === "unreachable") {
      showProblem(problems.unreachable);
    } else if (before === "unreachable") {
      hideProblem();
    }
    setPhase(server.kind === "ready" ? "offline" : "starting");
    render();
    if (server.kind === "ready") break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  waiting = false;
}

/** A tablet on the wall should not go dark in the middle of a conversation. */
async function keepScreenOn(on: boolean): Promise<void> {
  if (on && !wakeLock && "wakeLock" in navigator) {
    wakeLock = await navigator.wakeLock.request("screen").catch(() => undefined);
  } else if (!on) {
    await wakeLock?.release();
    wakeLock = undefined;
  }
}

async function switchCamera(on: boolean): Promise<void> {
  if (on) {
    try {
      await camera.open(() => void switchCamera(false));
    } catch (error) {
      showProblem(problems.cameraProblem(error));
    }
  } else {
    camera.close();
  }
  const { track } = camera;
  self.srcObject = track ? new MediaStream([track]) : null;
  self.hidden = !track;
  render();
  await conversation.showCamera(track);
}

/** What is written in the meantime goes with it. */
function send(file: File): void {
  const words = textInput.value.trim();
  const picture = file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined;
  hideProblem();
  transcript.showFile("user-file", file.name, picture);
  if (words) transcript.userTyped(words);
  textInput.value = "";
  void conversation.sendFile(file, words);
}

function animate(): void {
  orb.style.setProperty("--user", muted ? "0" : userLevel.read().toFixed(3));
  orb.style.setProperty("--bot", botLevel.read().toFixed(3));
  if (isActive(phase)) requestAnimationFrame(animate);
}

startButton.addEventListener("click", () => void start(true));
typeButton.addEventListener("click", () => void start(false));
stopButton.addEventListener("click", () => {
  hideProblem();
  void conversation.stop();
});
button("open-settings").addEventListener("click", () => void settings.open());
muteButton.addEventListener("click", () => {
  muted = !muted;
  conversation.mute(muted);
  render();
});
holdChoice.addEventListener("change", () => {
  holdWanted = holdChoice.checked;
  remember("hold-to-talk", holdWanted ? "yes" : "no");
  void pushToTalk();
});
cameraButton.addEventListener("click", () => void switchCamera(camera.track === undefined));
button("attach").addEventListener("click", () => fileInput.click());
fileInput.addEventListener("change", () => {
  const [file] = fileInput.files ?? [];
  fileInput.value = "";
  if (file) send(file);
});
textInput.addEventListener("paste", (event) => {
  const [file] = event.clipboardData?.files ?? [];
  if (!file) return;
  event.preventDefault();
  send(file);
});
sayForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textInput.value.trim();
  if (!text) return;
  transcript.userTyped(text);
  conversation.say(text);
  textInput.value = "";
});
addEventListener("pagehide", () => void conversation.stop());

// Read from another device, "this machine" would be the wrong one.
if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  element("privacy", HTMLParagraphElement).textContent =
    `Everything stays between this device and ${location.hostname}. Nothing you say or type is sent anywhere else.`;
}
render();
if (!window.isSecureContext) showProblem(problems.insecureOrigin(location.host, location.port));
void waitForServer();
