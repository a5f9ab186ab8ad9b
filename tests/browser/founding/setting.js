// What the samples of the founding document take for granted.
const baseUrl = new URLSearchParams(location.search).get("baseUrl") ?? location.origin;
const systemPrompt = "You are a pirate.";
let voiceClient;

function myTrackHandler(track, participant, voiceClient) {
    if (participant.isLocal || track.kind !== 'audio') {
      return;
    }
    let audioElement = document.createElement('audio');
    audioElement.srcObject = new MediaStream([track]);
    document.body.appendChild(audioElement);
    audioElement.play();
}
