/** What the page asks the server over HTTP, besides the WebRTC offer. Addresses are relative to the page. */

export type Readiness =
  | { readonly kind: "ready" }
  | { readonly kind: "starting"; readonly missing: readonly string[] }
  | { readonly kind: "unreachable" };

export const uploadUrl = (): string => new URL("files", document.baseURI).href;
export const statusUrl = (): string => new URL("status", document.baseURI).href;
export const offerUrl = (): string => new URL("api/offer", document.baseURI).href;

const TIMEOUT_MS = 4000;

/** `/readyz`: 200 when the models are warm, else 503 with `{"missing": [...]}`. */
export async function readiness(): Promise<Readiness> {
  try {
    const response = await fetch(new URL("readyz", document.baseURI), {
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return { kind: "ready" };
    if (response.status !== 503) return { kind: "unreachable" };
    const body: unknown = await response.json().catch(() => undefined);
    const missing = isRecord(body) && Array.isArray(body["missing"]) ? body["missing"].map(String) : [];
    return { kind: "starting", missing };
  } catch {
    return { kind: "unreachable" };
  }
}

/** The STUN and TURN servers of `GET /status`; none where it names none, or says nothing. */
export async function iceServers(url: string, headers = new Headers()): Promise<RTCIceServer[]> {
  try {
    const response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { iceConfig } = (await response.json()) as { iceConfig?: { iceServers: RTCIceServer[] } };
    return iceConfig?.iceServers ?? [];
  } catch {
    return [];
  }
}

/** The `detail` of a refusal, as the server's error responses carry it. */
export async function detailOf(response: Response): Promise<string | undefined> {
  const body: unknown = await response.json().catch(() => undefined);
  return isRecord(body) && typeof body["detail"] === "string" ? body["detail"] : undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
