// Before any page's own script: a microphone that the test speaks into, and an ear on whatever the page plays.
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
    const voices = [1, 2, 3, 4, 5, 6].map((n) => {
      const voice = new OscillatorNode(context, { frequency: 150 * n });
      voice.connect(new GainNode(context, { gain: 0.25 / n })).connect(syllables);
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

  // --- the ear ---------------------------------------------------------------------------------------------------------

  const ears = [];
  const listen = (audio) => {
    const analyser = audio.createAnalyser();
    ears.push({ analyser, samples: new Float32Array(analyser.fftSize), before: 0 });
    return analyser;
  };
  const ear = listen(context);
  let peak = 0;
  let lastSound = -Infinity;
  setInterval(() => {
    for (const each of ears) {
      each.analyser.getFloatTimeDomainData(each.samples);
      const now = each.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      const sum = each.samples.reduce((total, sample) => total + sample, 0);
      // A player that was stopped keeps its last samples for ever.
      const plays = sum !== each.before;
      each.before = sum;
      if (!plays) continue;
      if (now > 0.02) lastSound = performance.now();
      peak = Math.max(peak, now);
    }
  }, 20);

  /** The loudest sample since this was last called. */
  window.takePeak = () => {
    const taken = peak;
    peak = 0;
    return taken;
  };
  /** Milliseconds since the last sound. */
  window.silentFor = () => performance.now() - lastSound;

  /** Plays and hears a track that came over WebRTC. Chromium delivers its sound only while an element plays it, too. */
  window.play = (track) => {
    const stream = new MediaStream([track]);
    const element = new Audio();
    element.srcObject = stream;
    void element.play();
    context.createMediaStreamSource(stream).connect(ear);
  };

  // Clients without WebRTC play by themselves.
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      connect.call(this, listen(this.context));
    }
    return connect.call(this, target, ...rest);
  };
}
