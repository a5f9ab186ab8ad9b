/**
 * A transport of a version that takes no media manager of the application's choice, whose own loads its code from Daily's
 * servers. The package has another one; here it is put in its place.
 */
export function withoutDaily(WebSocketTransport, WavMediaManager) {
  const transport = new WebSocketTransport();
  transport._mediaManager = new WavMediaManager(512, 16_000);
  transport._mediaManager.setUserAudioCallback(transport.handleUserAudioStream.bind(transport));
  return transport;
}
