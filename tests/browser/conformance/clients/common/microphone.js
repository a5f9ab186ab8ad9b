// Before any page's own script: a microphone that the test speaks into.
{
  const context = new AudioContext({ sampleRate: 48_000 });
  const microphone = context.createMediaStreamDestination();
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (constraints) =>
    constraints?.audio ? Promise.resolve(microphone.stream.clone()) : open(constraints);

  /** Something like speech for so long; resolves when it is over. */
  window.speak = async (seconds) => {
    await context.resume();
    const syllables = context.createGain();
    syllables.gain.value = 0.4;
    syllables.connect(microphone);
    const rhythm = new OscillatorNode(context, { frequency: 4 });
    const depth = new GainNode(context, { gain: 0.3 });
    rhythm.connect(depth).connect(syllables.gain);
    // Of many frequencies, as a voice is: the appliance takes what its own tones explain for its echo.
    const voices = [130, 205].map((frequency) => {
      const voice = new OscillatorNode(context, { type: "sawtooth", frequency });
      voice.connect(new GainNode(context, { gain: 0.6 })).connect(syllables);
      return voice;
    });
    for (const node of [rhythm, ...voices]) {
      node.start();
      node.stop(context.currentTime + seconds);
    }
    await new Promise((resolve) => {
      rhythm.onended = resolve;
    });
  };
}
