/** Pictures and other files on their way to the assistant, and pictures on their way back. */

import { detailOf } from "./appliance";

/** Base64 makes 4 of 3 bytes; the message must stay under the 64 KiB that the server takes. */
const MOST_INLINE_BYTES = 40_000;

/** The data of RTVI's `send-file`. */
export interface FileMessage {
  content: string;
  file: { format: string; name: string; source: { type: "bytes"; bytes: string } | { type: "url"; url: string } };
  options: { run_immediately: boolean; audio_response: boolean };
}

/** Where large files are uploaded to, and with which headers. */
export interface Upload {
  url: string;
  headers?: HeadersInit;
}

/** Large files are uploaded first. Throws an Error with the server's reason. */
export async function fileMessage(file: File, words: string, upload: Upload, audioResponse = true): Promise<FileMessage> {
  const options = { run_immediately: true, audio_response: audioResponse };
  if (file.size > MOST_INLINE_BYTES) return { content: words, file: await uploaded(file, upload), options };
  const format = file.type || "application/octet-stream";
  return { content: words, file: { format, name: file.name, source: { type: "bytes", bytes: await dataUrl(file) } }, options };
}

async function uploaded(file: File, { url, headers = {} }: Upload): Promise<FileMessage["file"]> {
  const form = new FormData();
  form.append("file", file);
  const response = await fetch(url, { method: "POST", headers, body: form });
  if (!response.ok) throw new Error((await detailOf(response)) ?? `the upload was refused (HTTP ${response.status})`);
  return (await response.json()) as FileMessage["file"];
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("the file cannot be read"));
    reader.readAsDataURL(file);
  });
}

/** A picture that the assistant shows. */
export interface Picture {
  /** Where it comes from: "camera" or "screen", which the assistant looked at. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
  readonly blob: Blob;
}

/** The picture in a server-message's data; undefined if it brings none. */
export function pictureIn(data: unknown): Picture | undefined {
  const { type, bytes, format, source, width, height } = (data ?? {}) as Record<string, unknown>;
  if (type !== "image" || typeof bytes !== "string") return undefined;
  const binary = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  const blob = new Blob([binary], { type: String(format) });
  return { source: String(source), width: Number(width), height: Number(height), blob };
}
