/** One conversation after another over the official client: connecting, what goes wrong, and what is going on. */

import { type BotOutputData, type ErrorData, LogLevel, logger, PipecatClient, RTVIMessage, TransportStartError } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport } from "@pipecat-ai/small-webrtc-transport";
import { detailOf, iceServers, offerUrl, readiness, statusUrl, uploadUrl } from "./appliance";
import { Chunks } from "./chunks";
import { Latency, type LatencyText } from "./latency";
import type { Microphone } from "./media";
import { botTrack, canGatherCandidates, peerConnection } from "./peer";
import { fileMessage, type Picture, pictureIn } from "./pictures";
import { type Phase, phaseOf, SILENCE, step, type Turn, type TurnEvent } from "./phase";
import * as problems from "./problems";
import { type Problem, ProblemError } from "./problems";
import { CLOSED_BY_THE_BOT, closeCode, openSocket, type Socket } from "./socket";

// The client logs every message, which is what people say, to the console.
logger.setLevel(LogLevel.NONE);

// The transport also rejects a promise of its own that nobody holds when a connection is given up while it is made. Whoever has to
// know learns it from connect() and onDisconnected.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof TransportStartError) event.preventDefault();
});

const CONNECT_TIMEOUT_MS = 20_000;
/** ICE takes a second; where UDP does not get through, it tries in vain for half a minute. A refusal (503) is retried for 9 s. */
const WEBRTC_TIMEOUT_MS = 12_000;
const ICE_CHECK_MS = 1000;
/** A turn that the server drops (a cough, a noise) is reported as ended and never answered. */
const ANSWER_TIMEOUT_MS = 15_000;

export interface ConversationListener {
  onPhase(phase: Phase): void;
  /** The assistant can be talked to, for the first time or again after the connection was lost. */
  onReady(): void;
  /** What wakes it, when it sleeps. Comes before the phase. */
  onWakeWords(words: readonly string[]): void;
  onProblem(problem: Problem): void;
  onUserSpoke(text: string, final: boolean): void;
  onBotOutput(data: BotOutputData): void;
  onInterrupted(): void;
  onBotTrack(track: MediaStreamTrack): void;
  onLatency(text: LatencyText): void;
  /** The assistant can see what a camera shows, or cannot. */
  onSees(sees: boolean): void;
  onPicture(picture: Picture): void;
}

/** A connection from the first click to its end; a new one each time, since the client is not made to be used again. */
interface Session {
  readonly abort: AbortController;
  client: PipecatClient | undefined;
  transport: SmallWebRTCTransport | undefined;
  /** In the place of `transport`, where WebRTC cannot connect. */
  socket: Socket | undefined;
  established: boolean;
  botLeft: boolean;
  readonly chunks: Chunks;
  /** Ids of the files that were sent. */
  readonly files: Set<string>;
}

export class Conversation {
  #microphone: Microphone;
  #listener: ConversationListener;
  #session: Session | undefined;
  #turn: Turn = SILENCE;
  #latency = new Latency();
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  #iceTimer: ReturnType<typeof setInterval> | undefined;

  constructor(microphone: Microphone, listener: ConversationListener) {
    this.#microphone = microphone;
    this.#listener = listener;
  }

  /** Connects; `deviceId` is the microphone ("" for the default one), undefined for none. Reports, and never throws. */
  async start(deviceId: string | undefined): Promise<void> {
    await this.stop();
    const session: Session = {
      abort: new AbortController(),
      client: undefined,
      transport: undefined,
      socket: undefined,
      established: false,
      botLeft: false,
      chunks: new Chunks(),
      files: new Set(),
    };
    this.#session = session;
    this.#listener.onPhase("connecting");
    try {
      await this.#connect(session, deviceId);
      if (this.#session !== session) return;
      session.established = true;
      if (session.transport) this.#iceTimer = setInterval(() => this.#watchIce(session), ICE_CHECK_MS);
      this.#turn = SILENCE;
      this.#listener.onPhase(phaseOf(this.#turn));
    } catch (error) {
      if (this.#session !== session) return;
      const problem = error instanceof ProblemError ? error.problem : await connectProblem(error);
      await this.#end(session, problem);
    }
  }

  async stop(): Promise<void> {
    if (this.#session) await this.#end(this.#session, undefined);
  }

  say(text: string): void {
    const { client, established } = this.#session ?? {};
    if (!client || !established) return;
    this.#latency.turnEnded(performance.now());
    if (this.#turn.botSpeaking) this.#listener.onInterrupted();
    this.#on("text-sent");
    void client.sendText(text, { run_immediately: true, audio_response: true });
  }

  /** Gives the assistant a file to look at, with a few words about it or none. */
  async sendFile(file: File, words: string): Promise<void> {
    const session = this.#session;
    if (!session?.established) return;
    try {
      const message = new RTVIMessage("send-file", await fileMessage(file, words, { url: uploadUrl() }));
      if (this.#session !== session) return;
      session.files.add(message.id);
      this.#latency.turnEnded(performance.now());
      if (this.#turn.botSpeaking) this.#listener.onInterrupted();
      this.#on("text-sent");
      (session.transport ?? session.socket?.transport)?.sendMessage(message);
    } catch (error) {
      this.#listener.onProblem(problems.fileRefused(error instanceof Error ? error.message : String(error)));
    }
  }

  /** Shows this from now on; undefined for nothing. */
  async showCamera(track: MediaStreamTrack | undefined): Promise<void> {
    this.#microphone.camera = track;
    const { client, transport } = this.#session ?? {};
    const sender = transport && peerConnection(transport)?.getTransceivers()[1]?.sender;
    await sender?.replaceTrack(track ?? null);
    // The transport tells the server.
    client?.enableCam(track !== undefined);
  }

  mute(muted: boolean): void {
    this.#session?.client?.enableMic(!muted);
  }

  /**
   * Has only what is said between `press` and `release` be heard, or everything; undefined leaves it as the server has it. Resolves
   * to how it is now.
   */
  async pushToTalk(on: boolean | undefined): Promise<boolean> {
    const asked = on === undefined ? "config:get" : "configure";
    const answer = await this.#session?.client?.sendClientRequest(asked, on === undefined ? {} : { phrase_endpointing: { push_to_talk: on } });
    const { config } = answer as { config: { phrase_endpointing: { push_to_talk: boolean } } };
    return config.phrase_endpointing.push_to_talk;
  }

  /** What is being said is dropped, and the person has the floor. */
  press(): void {
    if (this.#turn.botSpeaking) this.#listener.onInterrupted();
    this.#ask("talk:press");
  }

  release(): void {
    this.#ask("talk:release");
  }

  /** Sends this track from now on, after the person has chosen another microphone. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    this.#session?.socket?.media.record(track);
    const transport = this.#session?.transport;
    const sender = transport && peerConnection(transport)?.getTransceivers()[0]?.sender;
    await sender?.replaceTrack(track);
  }

  async #connect(session: Session, deviceId: string | undefined): Promise<void> {
    const server = await readiness();
    if (server.kind !== "ready") {
      throw new ProblemError(server.kind === "starting" ? problems.stillLoading : problems.unreachable);
    }
    if (deviceId !== undefined) await this.#microphone.open(deviceId);
    if ((await canGatherCandidates()) && (await this.#connectWebRtc(session, deviceId))) return;
    if (session.abort.signal.aborted) {
      this.#microphone.close();
      return;
    }
    await this.#connectSocket(session, deviceId);
  }

  /** False if WebRTC gets no way through, and another way should be tried. */
  async #connectWebRtc(session: Session, deviceId: string | undefined): Promise<boolean> {
    const iceConfig = { iceServers: await iceServers(statusUrl()) };
    if (session.abort.signal.aborted) return false;
    const transport = new SmallWebRTCTransport({ mediaManager: this.#microphone, iceServers: [] });
    session.transport = transport;
    session.client = this.#client(session, transport, deviceId);
    try {
      const connecting = session.client.connect({ webrtcRequestParams: { endpoint: offerUrl() }, iceConfig });
      await within(WEBRTC_TIMEOUT_MS, session, connecting);
      return true;
    } catch (error) {
      const timedOut = error instanceof DOMException && error.name === "TimeoutError";
      if (!timedOut || iceIsUp(transport)) throw error;
    }
    session.transport = undefined;
    await session.client.disconnect().catch(() => undefined);
    if (deviceId !== undefined && !session.abort.signal.aborted) await this.#microphone.open(deviceId);
    return false;
  }

  async #connectSocket(session: Session, deviceId: string | undefined): Promise<void> {
    session.socket = openSocket(this.#microphone);
    session.client = this.#client(session, session.socket.transport, deviceId);
    await within(CONNECT_TIMEOUT_MS, session, session.client.connect());
    this.#listener.onBotTrack(session.socket.media.bot);
  }

  #client(session: Session, transport: SmallWebRTCTransport | Socket["transport"], deviceId: string | undefined): PipecatClient {
    const enableMic = deviceId !== undefined;
    return new PipecatClient({ transport, enableMic, enableCam: false, callbacks: this.#callbacks(session) });
  }

  #callbacks(session: Session): NonNullable<ConstructorParameters<typeof PipecatClient>[0]["callbacks"]> {
    return {
      onBotReady: (data) => {
        const { capabilities } = data as { capabilities?: { video_in?: boolean } };
        this.#listener.onSees(capabilities?.video_in === true && session.transport !== undefined);
        this.#listener.onReady();
      },
      onMessageError: ({ id, data }) => {
        if (!session.files.delete(id)) return;
        this.#on("gave-up-waiting");
        this.#listener.onProblem(problems.fileRefused((data as ErrorData).error || (data as ErrorData).message || ""));
      },
      onDisconnected: () => void this.#onDisconnected(session),
      onBotDisconnected: () => {
        session.botLeft = true;
      },
      onError: (message) => {
        const { error, message: older, fatal } = message.data as ErrorData;
        const code = session.socket && closeCode(error || older || "");
        if (code !== undefined) return this.#onSocketClosed(session, code);
        const problem = problems.reported(error || older || "", fatal);
        if (fatal) void this.#end(session, problem);
        else this.#listener.onProblem(problem);
      },
      onTrackStarted: (track, participant) => {
        if (!participant?.local && track.kind === "audio") this.#listener.onBotTrack(track);
      },
      onTrackStopped: (track, participant) => {
        const bot = session.transport && botTrack(session.transport);
        if (!participant?.local && track.kind === "audio" && bot && bot !== track) this.#listener.onBotTrack(bot);
      },
      onUserStartedSpeaking: () => {
        if (this.#turn.botSpeaking) this.#listener.onInterrupted();
        this.#on("user-started-speaking");
      },
      onUserStoppedSpeaking: () => {
        this.#latency.turnEnded(performance.now());
        this.#on("user-stopped-speaking");
      },
      onBotLlmStarted: () => this.#on("bot-llm-started"),
      onBotStartedSpeaking: () => {
        this.#latency.answered(performance.now());
        this.#showLatency();
        this.#on("bot-started-speaking");
      },
      onBotStoppedSpeaking: () => this.#on("bot-stopped-speaking"),
      onUserTranscript: ({ text, final }) => this.#listener.onUserSpoke(text, final),
      onBotOutput: (data) => {
        // An answer that is only written comes without any sound that would end the waiting.
        if (data.will_be_spoken === false) this.#on("gave-up-waiting");
        this.#listener.onBotOutput(data);
      },
      onServerMessage: (data: unknown) => {
        const whole = session.chunks.whole(data);
        const picture = pictureIn(whole);
        if (picture) this.#listener.onPicture(picture);
        const news = wakeState(whole);
        if (news) this.#listener.onWakeWords(news.words);
        if (news) this.#on(news.asleep ? "fell-asleep" : "woke-up");
      },
      onMetrics: (data) => {
        this.#latency.metrics(data);
        this.#showLatency();
      },
    };
  }

  #ask(request: string): void {
    // Where the connection is gone, so is the conversation.
    void this.#session?.client?.sendClientRequest(request, {}).catch(() => undefined);
  }

  #showLatency(): void {
    const text = this.#latency.text();
    if (text) this.#listener.onLatency(text);
  }

  #on(event: TurnEvent): void {
    this.#turn = step(this.#turn, event);
    clearTimeout(this.#answerTimer);
    if (this.#turn.awaitingAnswer) this.#answerTimer = setTimeout(() => this.#on("gave-up-waiting"), ANSWER_TIMEOUT_MS);
    if (this.#session?.established) this.#listener.onPhase(phaseOf(this.#turn));
  }

  /** The transport tries again on its own when ICE is down, and tells nobody. */
  #watchIce(session: Session): void {
    const up = session.transport && iceIsUp(session.transport);
    this.#listener.onPhase(up ? phaseOf(this.#turn) : "reconnecting");
  }

  #onSocketClosed(session: Session, code: number): void {
    if (code === CLOSED_BY_THE_BOT) session.botLeft = true;
    if (session.established) void this.#onDisconnected(session);
    else session.abort.abort(new ProblemError(problems.connectionLost));
  }

  async #onDisconnected(session: Session): Promise<void> {
    // While connecting, the promise of connect() reports what happened.
    if (this.#session !== session || !session.established) return;
    if (session.botLeft) return this.#end(session, problems.assistantLeft);
    const server = await readiness();
    if (this.#session === session) {
      await this.#end(session, server.kind === "unreachable" ? problems.unreachable : problems.connectionLost);
    }
  }

  async #end(session: Session, problem: Problem | undefined): Promise<void> {
    if (this.#session !== session) return;
    this.#session = undefined;
    clearInterval(this.#iceTimer);
    clearTimeout(this.#answerTimer);
    session.abort.abort();
    this.#turn = SILENCE;
    this.#listener.onPhase("offline");
    if (problem) this.#listener.onProblem(problem);
    await session.client?.disconnect().catch(() => undefined);
    this.#microphone.close();
  }
}

/** A `server-message` that says whether the bot listens; undefined for any other. */
function wakeState(data: unknown): { asleep: boolean; words: string[] } | undefined {
  const { type, state, words } = (typeof data === "object" && data ? data : {}) as Record<string, unknown>;
  if (type !== "wake-state") return undefined;
  return { asleep: state === "asleep", words: Array.isArray(words) ? words.map(String) : [] };
}

function iceIsUp(transport: SmallWebRTCTransport): boolean {
  const state = peerConnection(transport)?.iceConnectionState;
  return state === "connected" || state === "completed";
}

function within<T>(timeoutMs: number, session: Session, work: Promise<T>): Promise<T> {
  return Promise.race([work, aborted(AbortSignal.any([session.abort.signal, AbortSignal.timeout(timeoutMs)]))]);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What stopped `connect()`: a refusal of the offer, or silence, whose reason must be looked for. */
async function connectProblem(error: unknown): Promise<Problem> {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Response) return problems.refused(cause.status, await detailOf(cause));
  const server = await readiness();
  return server.kind === "unreachable" ? problems.unreachable : problems.blocked;
}
