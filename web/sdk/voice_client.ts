/** A voice conversation with an RTVI server, in a few lines: a layer on the official client. */

import { LogLevel, logger, PipecatClient, RTVIMessage, RTVIMessageType, TransportStartError } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport } from "@pipecat-ai/small-webrtc-transport";
import { iceServers } from "../src/appliance";
import { Chunks } from "../src/chunks";
import { botTrack, canGatherCandidates, peerConnection } from "../src/peer";
import { fileMessage, pictureIn } from "../src/pictures";
import * as problems from "../src/problems";
import { Devices } from "./devices";
import { reasonOf } from "./reasons";
import { ToolCalls } from "./tool_calls";

export interface Participant {
  readonly id: string;
  readonly name: string;
  /** Whether it is this browser's microphone or camera, and not the bot. */
  readonly isLocal: boolean;
}

export interface Picture {
  /** "camera" or "screen", where the bot looked. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
  /** The JPEG. */
  readonly blob: Blob;
}

/** Options by service: `{llm: {model: "…"}, tts: {voice: "…"}}`. */
export type Configuration = Record<string, Record<string, unknown>>;

/** A function that the application runs, as RTVI's founding document writes it or as OpenAI does. The schemas are of type object. */
export type Tool =
  | { name: string; description?: string; input_schema?: Record<string, unknown> }
  | { type: "function"; function: { name: string; description?: string; parameters?: Record<string, unknown> } };

/** What `toolUseResponse` gets, as JSON. */
export interface ToolUse {
  role: "assistant";
  content: { type: "tool_use"; id: string; name: string; input: Record<string, unknown> }[];
}

export interface ToolResult {
  role: "user";
  content: { type: "tool_result"; tool_use_id: string; content: unknown }[];
}

/** All are called with the client as their last argument. */
export interface EventHandlers {
  /** A track began: one's own (`participant.isLocal`) or the bot's. Each is reported once a conversation. */
  trackStarted?(track: MediaStreamTrack, participant: Participant, voiceClient: VoiceClient): void;
  trackStopped?(track: MediaStreamTrack, participant: Participant, voiceClient: VoiceClient): void;
  /** The model wants one of `tools`: JSON of a `ToolUse`, to be answered with `sendToolResult`. */
  toolUseResponse?(toolUseJson: string, voiceClient: VoiceClient): void;
  /** The bot listens. */
  botReady?(voiceClient: VoiceClient): void;
  /** The conversation is over, whoever ended it. */
  disconnected?(voiceClient: VoiceClient): void;
  /** Something went wrong in a conversation that has begun; what goes wrong before rejects `start()`. */
  error?(message: string, voiceClient: VoiceClient): void;
  userStartedSpeaking?(voiceClient: VoiceClient): void;
  userStoppedSpeaking?(voiceClient: VoiceClient): void;
  userTranscript?(transcript: { text: string; final: boolean }, voiceClient: VoiceClient): void;
  botStartedSpeaking?(voiceClient: VoiceClient): void;
  botStoppedSpeaking?(voiceClient: VoiceClient): void;
  /** What the bot says, and how far it is said: RTVI's `bot-output`. */
  botOutput?(output: Record<string, unknown> & { text: string }, voiceClient: VoiceClient): void;
  /** A picture for the user, such as the one that the bot looked at. */
  picture?(picture: Picture, voiceClient: VoiceClient): void;
  /** The bot cannot use what `sendFile` gave it. */
  fileRefused?(reason: string, voiceClient: VoiceClient): void;
  /** RTVI's `server-message`, put together where it came in chunks; but for pictures. */
  serverMessage?(data: unknown, voiceClient: VoiceClient): void;
}

export interface VoiceClientOptions {
  /** Where the server is, e.g. "http://localhost:7860". */
  baseUrl: string | URL;
  /**
   * Of an appliance on the local network (`rtvi-local serve --lan`), unless `baseUrl` is the whole address that it printed; its own
   * pages have a cookie instead.
   */
  token?: string;
  /** Send the microphone; false if left out. */
  enableMic?: boolean;
  /** Send the camera; false if left out. */
  enableCamera?: boolean;
  systemPrompt?: string;
  eventHandlers?: EventHandlers;
  config?: Configuration;
  /** Names of tools that the server has and runs. */
  useBuiltinTools?: string[];
  /** Tools that the application runs, in `toolUseResponse`. */
  tools?: Tool[];
  /** The processing steps, in order; the server's own if left out. */
  pipeline?: string[];
}

const CONNECT_TIMEOUT_MS = 20_000;
const BOT: Participant = { id: "bot", name: "bot", isLocal: false };
const LOCAL: Participant = { id: "local", name: "local", isLocal: true };

// The official client logs every message, which is what people say, to the console.
logger.setLevel(LogLevel.NONE);

// The transport also rejects a promise that nobody holds when a connection cannot be made; `start()` says the same.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof TransportStartError) event.preventDefault();
});

/** The parts of one conversation; the official client is not made to be used again. */
interface Session {
  readonly client: PipecatClient;
  readonly transport: SmallWebRTCTransport;
  readonly devices: Devices;
  readonly reported: Set<MediaStreamTrack>;
  /** Gives up a conversation that is not ready yet. */
  readonly abort: AbortController;
  readonly chunks: Chunks;
  /** Ids of the files that were sent. */
  readonly files: Set<string>;
  ready: boolean;
}

export class VoiceClient {
  #options: VoiceClientOptions;
  #config: Configuration;
  #session: Session | undefined;
  #calls = new ToolCalls();

  constructor(options: VoiceClientOptions) {
    if (!options?.baseUrl) throw new TypeError("VoiceClient needs a baseUrl, such as 'http://localhost:7860'.");
    if (options.tools?.length && !options.eventHandlers?.toolUseResponse) {
      throw new TypeError("VoiceClient has tools, but eventHandlers.toolUseResponse, which runs them, is missing.");
    }
    this.#options = options;
    this.#config = options.config ?? {};
  }

  /** Opens the devices and connects; resolves when the bot listens. Rejects with an Error that says what to do. */
  async start(): Promise<void> {
    if (this.#session) throw new Error("This conversation has begun already.");
    const session = this.#newSession();
    this.#session = session;
    try {
      await this.#connect(session);
    } catch (error) {
      const reason = await reasonOf(error);
      await this.#end(session);
      throw new Error(reason, { cause: error });
    }
  }

  async disconnect(): Promise<void> {
    if (this.#session) await this.#end(this.#session);
  }

  /**
   * Changes options while the conversation goes on; before it, those that it begins with. Resolves to the options of every service
   * as they are now, and rejects with an Error, having changed nothing, if one cannot be had.
   */
  async configure(config: Configuration): Promise<Configuration> {
    if (!this.#session?.ready) {
      const services = Object.keys({ ...this.#config, ...config });
      this.#config = Object.fromEntries(services.map((name) => [name, { ...this.#config[name], ...config[name] }]));
      return this.#config;
    }
    const answer = (await this.#request("configure", config)) as { config: Configuration };
    return answer.config;
  }

  /** Answers the `toolUseResponse` of the same id. Throws a TypeError on what is no result. */
  sendToolResult(result: ToolResult): void {
    for (const answer of this.#calls.answers(result)) {
      this.#session?.transport.sendMessage(new RTVIMessage(RTVIMessageType.LLM_FUNCTION_CALL_RESULT, answer));
    }
  }

  /** Writes to the bot instead of speaking. It answers at once, by voice unless `audioResponse` is false. */
  async sendText(text: string, { audioResponse = true }: { audioResponse?: boolean } = {}): Promise<void> {
    await this.#ready().client.sendText(text, { run_immediately: true, audio_response: audioResponse });
  }

  /**
   * Gives the bot a picture or a text file, with what is to be said of it. It answers at once, by voice unless `audioResponse` is
   * false. Rejects with an Error if the file does not arrive; if the bot cannot use it, the handler `fileRefused` is called.
   */
  async sendFile(file: File, { text = "", audioResponse = true }: { text?: string; audioResponse?: boolean } = {}): Promise<void> {
    const session = this.#ready();
    const message = new RTVIMessage("send-file", await fileMessage(file, text, { url: this.#url("files"), headers: this.#headers() }, audioResponse));
    session.files.add(message.id);
    session.transport.sendMessage(message);
  }

  /** The bot stops speaking. */
  async interrupt(): Promise<void> {
    await this.#request("tts:interrupt");
  }

  /**
   * The person holds a button: the bot stops speaking, and what is said until `release()` is one turn, whatever its pauses. With
   * `config: {phrase_endpointing: {push_to_talk: true}}` nothing else is heard.
   */
  async press(): Promise<void> {
    await this.#request("talk:press");
  }

  /** The person has let go of it, and is answered. */
  async release(): Promise<void> {
    await this.#request("talk:release");
  }

  /** Sends silence instead of the microphone, until `mute(false)`. */
  mute(muted: boolean): void {
    this.#ready().client.enableMic(!muted);
  }

  #url(path: string): string {
    const { origin, pathname } = new URL(this.#options.baseUrl);
    return new URL(path, `${origin}${pathname.replace(/\/+$/, "")}/`).href;
  }

  /** What every request brings. The token may stand in the address, as the appliance prints it. */
  #headers(): Headers {
    const token = this.#options.token ?? new URL(this.#options.baseUrl).searchParams.get("token");
    return new Headers(token === null ? {} : { Authorization: `Bearer ${token}` });
  }

  #ready(): Session {
    if (!this.#session?.ready) throw new Error("There is no conversation yet: await voiceClient.start() first.");
    return this.#session;
  }

  async #request(type: string, data: unknown = {}): Promise<unknown> {
    const { client } = this.#ready();
    try {
      return await client.sendClientRequest(type, data);
    } catch (error) {
      throw new Error(await reasonOf(error), { cause: error });
    }
  }

  #newSession(): Session {
    const reported = new Set<MediaStreamTrack>();
    const lost = () => this.#options.eventHandlers?.error?.(problems.microphoneLost.title, this);
    const devices = new Devices((track) => void this.#sendTrack(session, track), lost);
    const transport = new SmallWebRTCTransport({ mediaManager: devices, iceServers: [] });
    const client = new PipecatClient({
      transport,
      enableMic: this.#options.enableMic ?? false,
      enableCam: this.#options.enableCamera ?? false,
      callbacks: this.#callbacks(() => session),
    });
    const session: Session = { client, transport, devices, reported, abort: new AbortController(), chunks: new Chunks(), files: new Set(), ready: false };
    return session;
  }

  async #connect({ client, devices, abort: { signal } }: Session): Promise<void> {
    const ended = rejectedBy(signal, () => new Error("The conversation was ended before it began."));
    await Promise.race([this.#connectUnlessEnded(client, devices, signal), ended]);
  }

  async #connectUnlessEnded(client: PipecatClient, devices: Devices, signal: AbortSignal): Promise<void> {
    await devices.open({ microphone: this.#options.enableMic ?? false, camera: this.#options.enableCamera ?? false });
    if (!(await canGatherCandidates())) throw new problems.ProblemError(problems.noNetworkInterface);
    const endpoint = this.#url("api/offer");
    const iceConfig = { iceServers: await iceServers(this.#url("status"), this.#headers()) };
    if (signal.aborted) return devices.close();
    const silence = rejectedBy(AbortSignal.timeout(CONNECT_TIMEOUT_MS), () => new problems.ProblemError(problems.blocked));
    const webrtcRequestParams = { endpoint, headers: this.#headers(), requestData: this.#requestData() };
    await Promise.race([client.connect({ webrtcRequestParams, iceConfig }), silence]);
  }

  #requestData() {
    const { systemPrompt, useBuiltinTools, tools, pipeline } = this.#options;
    const wanted = { systemPrompt, use_builtin_tools: useBuiltinTools, tools, pipeline, config: this.#config };
    // As JSON it loses what is undefined, and whatever else cannot be sent.
    return JSON.parse(JSON.stringify(wanted));
  }

  #callbacks(session: () => Session): NonNullable<ConstructorParameters<typeof PipecatClient>[0]["callbacks"]> {
    const handlers = this.#options.eventHandlers ?? {};
    return {
      onBotReady: () => {
        session().ready = true;
        handlers.botReady?.(this);
      },
      // Until the bot is ready, the promise of connect() says what happened.
      onDisconnected: () => void (session().ready && this.#end(session())),
      onError: (message) => {
        const data = message.data as { error?: string; message?: string };
        handlers.error?.(data.error ?? data.message ?? "", this);
      },
      onTrackStarted: (track) => this.#report(session(), track, BOT),
      onTrackStopped: (track) => {
        handlers.trackStopped?.(track, BOT, this);
        const bot = botTrack(session().transport);
        if (track.kind === "audio" && bot && bot !== track) this.#report(session(), bot, BOT);
      },
      onLLMFunctionCallInProgress: (data) => {
        const json = this.#calls.began(data);
        if (json !== undefined) handlers.toolUseResponse?.(json, this);
      },
      onLLMFunctionCallStopped: ({ tool_call_id: id }) => this.#calls.stopped(id),
      onUserStartedSpeaking: () => handlers.userStartedSpeaking?.(this),
      onUserStoppedSpeaking: () => handlers.userStoppedSpeaking?.(this),
      onUserTranscript: ({ text, final }) => handlers.userTranscript?.({ text, final }, this),
      onBotStartedSpeaking: () => handlers.botStartedSpeaking?.(this),
      onBotStoppedSpeaking: () => handlers.botStoppedSpeaking?.(this),
      onBotOutput: (data) => handlers.botOutput?.({ ...data }, this),
      onServerMessage: (data) => {
        const whole = session().chunks.whole(data);
        const picture = pictureIn(whole);
        if (picture) handlers.picture?.(picture, this);
        else if (whole !== undefined) handlers.serverMessage?.(whole, this);
      },
      onMessageError: ({ id, data }) => {
        const { error, message } = data as { error?: string; message?: string };
        if (session().files.delete(id)) handlers.fileRefused?.(error ?? message ?? "", this);
      },
    };
  }

  /** The browser says that a track began each time that sound comes after a pause; an application plays it once. */
  #report(session: Session, track: MediaStreamTrack, participant: Participant): void {
    if (session.reported.has(track)) return;
    session.reported.add(track);
    this.#options.eventHandlers?.trackStarted?.(track, participant, this);
  }

  async #sendTrack(session: Session, track: MediaStreamTrack): Promise<void> {
    this.#report(session, track, LOCAL);
    // Without a connection the transport takes the track when it makes one. Sound is its first transceiver, the camera its second.
    const transceivers = peerConnection(session.transport)?.getTransceivers();
    await transceivers?.[track.kind === "audio" ? 0 : 1]?.sender.replaceTrack(track);
  }

  async #end(session: Session): Promise<void> {
    if (this.#session !== session) return;
    this.#session = undefined;
    session.abort.abort();
    this.#calls.clear();
    await session.client.disconnect().catch(() => undefined);
    session.devices.close();
    if (session.ready) this.#options.eventHandlers?.disconnected?.(this);
  }
}

function rejectedBy(signal: AbortSignal, error: () => Error): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(error()), { once: true });
  });
}
