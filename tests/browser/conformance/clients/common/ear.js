// Before any page's own script: an ear on whatever the page plays.
{
  const context = new AudioContext();
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
