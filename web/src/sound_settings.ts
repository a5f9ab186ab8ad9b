/** Which microphone and loudspeaker to use: chosen in a dialog, remembered on this device. */

import { devicesOf } from "./media";
import { remember, remembered } from "./remembered";

type Role = "microphone" | "loudspeaker";

const canChooseLoudspeaker = "setSinkId" in HTMLMediaElement.prototype;

export interface SoundSettingsElements {
  readonly dialog: HTMLDialogElement;
  readonly microphone: HTMLSelectElement;
  readonly loudspeaker: HTMLSelectElement;
  readonly note: HTMLElement;
}

export class SoundSettings {
  #elements: SoundSettingsElements;

  constructor(elements: SoundSettingsElements, onChoice: (role: Role, deviceId: string) => void) {
    this.#elements = elements;
    for (const role of ["microphone", "loudspeaker"] as const) {
      elements[role].addEventListener("change", () => {
        remember(role, elements[role].value);
        onChoice(role, elements[role].value);
      });
    }
    elements.loudspeaker.disabled = !canChooseLoudspeaker;
    (navigator.mediaDevices as MediaDevices | undefined)?.addEventListener("devicechange", () => void this.refresh());
  }

  /** The chosen device's id; "" for the browser's default one. */
  chosen(role: Role): string {
    return remembered(role);
  }

  async open(): Promise<void> {
    await this.refresh();
    this.#elements.dialog.showModal();
  }

  async refresh(): Promise<void> {
    const { microphone, loudspeaker, note } = this.#elements;
    const [inputs, outputs] = await Promise.all([devicesOf("audioinput"), devicesOf("audiooutput")]);
    fill(microphone, inputs, this.chosen("microphone"));
    fill(loudspeaker, outputs, this.chosen("loudspeaker"));
    const unnamed = [...inputs, ...outputs].every(({ label }) => !label);
    note.textContent = unnamed
      ? "The devices' names appear here once the microphone is allowed."
      : canChooseLoudspeaker
        ? ""
        : "This browser plays on the system's loudspeaker.";
  }
}

/** Plays on the chosen loudspeaker, or on the default one if it is gone. */
export async function playOn(element: HTMLAudioElement, deviceId: string): Promise<void> {
  if (!canChooseLoudspeaker) return;
  await element.setSinkId(deviceId).catch(() => element.setSinkId("").catch(() => undefined));
}

function fill(select: HTMLSelectElement, devices: MediaDeviceInfo[], chosen: string): void {
  const named = devices.filter(({ deviceId, label }) => deviceId && label && deviceId !== "default");
  select.replaceChildren(new Option("The system's default", ""), ...named.map(({ label, deviceId }) => new Option(label, deviceId)));
  select.value = named.some(({ deviceId }) => deviceId === chosen) ? chosen : "";
}
