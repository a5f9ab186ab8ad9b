/** A voice conversation with an RTVI server, in a few lines: a layer on the official client. */
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
export type Tool = {
    name: string;
    description?: string;
    input_schema?: Record<string, unknown>;
} | {
    type: "function";
    function: {
        name: string;
        description?: string;
        parameters?: Record<string, unknown>;
    };
};
/** What `toolUseResponse` gets, as JSON. */
export interface ToolUse {
    role: "assistant";
    content: {
        type: "tool_use";
        id: string;
        name: string;
        input: Record<string, unknown>;
    }[];
}
export interface ToolResult {
    role: "user";
    content: {
        type: "tool_result";
        tool_use_id: string;
        content: unknown;
    }[];
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
    userTranscript?(transcript: {
        text: string;
        final: boolean;
    }, voiceClient: VoiceClient): void;
    botStartedSpeaking?(voiceClient: VoiceClient): void;
    botStoppedSpeaking?(voiceClient: VoiceClient): void;
    /** What the bot says, and how far it is said: RTVI's `bot-output`. */
    botOutput?(output: Record<string, unknown> & {
        text: string;
    }, voiceClient: VoiceClient): void;
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
export declare class VoiceClient {
    #private;
    constructor(options: VoiceClientOptions);
    /** Opens the devices and connects; resolves when the bot listens. Rejects with an Error that says what to do. */
    start(): Promise<void>;
    disconnect(): Promise<void>;
    /**
     * Changes options while the conversation goes on; before it, those that it begins with. Resolves to the options of every service
     * as they are now, and rejects with an Error, having changed nothing, if one cannot be had.
     */
    configure(config: Configuration): Promise<Configuration>;
    /** Answers the `toolUseResponse` of the same id. Throws a TypeError on what is no result. */
    sendToolResult(result: ToolResult): void;
    /** Writes to the bot instead of speaking. It answers at once, by voice unless `audioResponse` is false. */
    sendText(text: string, { audioResponse }?: {
        audioResponse?: boolean;
    }): Promise<void>;
    /**
     * Gives the bot a picture or a text file, with what is to be said of it. It answers at once, by voice unless `audioResponse` is
     * false. Rejects with an Error if the file does not arrive; if the bot cannot use it, the handler `fileRefused` is called.
     */
    sendFile(file: File, { text, audioResponse }?: {
        text?: string;
        audioResponse?: boolean;
    }): Promise<void>;
    /** The bot stops speaking. */
    interrupt(): Promise<void>;
    /**
     * The person holds a button: the bot stops speaking, and what is said until `release()` is one turn, whatever its pauses. With
     * `config: {phrase_endpointing: {push_to_talk: true}}` nothing else is heard.
     */
    press(): Promise<void>;
    /** The person has let go of it, and is answered. */
    release(): Promise<void>;
    /** Sends silence instead of the microphone, until `mute(false)`. */
    mute(muted: boolean): void;
}
