/** A button that is held while one talks: with a finger, a mouse, or the space bar when it has the focus. */

export class HoldToTalk {
  #button: HTMLButtonElement;
  #onChange: (held: boolean) => void;
  #held = false;

  constructor(button: HTMLButtonElement, onChange: (held: boolean) => void) {
    this.#button = button;
    this.#onChange = onChange;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // Whoever slides off the button still holds it.
      button.setPointerCapture(event.pointerId);
      this.#hold(true);
    });
    button.addEventListener("lostpointercapture", () => this.#hold(false));
    button.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      if (!event.repeat) this.#hold(true);
    });
    // A button that is hidden meanwhile has lost the focus.
    addEventListener("keyup", (event) => event.key === " " && this.#hold(false));
    button.addEventListener("blur", () => this.#hold(false));
    // A long touch is no wish for a menu.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  get held(): boolean {
    return this.#held;
  }

  #hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#button.setAttribute("aria-pressed", String(held));
    this.#onChange(held);
  }
}
