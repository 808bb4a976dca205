// The page itself: what was shown last is looked at, whatever it was, and the answer is shown.

const model = readModel(element("model").textContent);
const bars = makeBars(model.classes);
const figures = makeLayers(model.layers);
const [canvas, video] = [element("pad"), element("video")];
const PAD_SIDE = 200; // pixels that a drawing is read in
const CAMERA_SIDE = 320;
const REST = 100; // milliseconds without a change, after which a drawing is looked at longer
let colours = mapColours();
let bitmap = null; // the picture that lies on the pad, if one does
let chosen = null; // the file that was chosen last: large ones are read slowly
let starting = false; // the camera: the browser asks the user first
let wondering = null; // whether the digit lies on its side, which takes longer than the answer
let pending = null; // when the change was made that is not shown yet

const pad = makePad(canvas, element("pen"), time => {
  if (bitmap || video.srcObject) takeAway();
  soon(time);
});

// The line first, then what comes of it: a slow machine draws on, and leaves out answers in between.
function soon(time) {
  if (pending === null) setTimeout(() => {
    const start = pending;
    pending = null;
    lookAgain(start);
  });
  pending = pending === null ? time : pending;
}

function lookAgain(start = performance.now()) {
  if (video.srcObject) lookAt(pictureFrom(video, video.videoWidth, video.videoHeight, CAMERA_SIDE));
  else if (bitmap) lookAt({...pictureFrom(bitmap, bitmap.width, bitmap.height), notes: bitmap.notes || []});
  else lookAt(pictureFrom(canvas, canvas.width, canvas.height, PAD_SIDE, false));
  performance.measure("shown", {start, end: performance.now()});
}

function lookAt(picture) {
  const drawn = !bitmap && !video.srcObject;
  const nothing = drawn && pad.isEmpty();
  const seen = inputOf(model, picture);
  const empty = seen.empty || nothing;
  const nothingSaid = {activations: [], probabilities: null, verdict: null};
  const {activations, probabilities, verdict} = empty ? nothingSaid : predict(model, seen.image);
  const doubt = verdict && verdict !== model.confidence.words.sure ? verdict : "";
  showSeen(seen.image, seen.channels);
  showBox(drawn || empty ? null : seen.box, picture);
  figures.forEach((figure, i) => { if (figure) showLayer(figure, activations[i], colours); });
  const best = showBars(bars, probabilities);
  const name = empty ? "–" : model.classes[best];
  element("name").textContent = name;
  element("name").classList.toggle("long", name.length > 3);
  element("sure").textContent = empty ? (nothing ? "nothing to look at yet" : "empty") : percent(probabilities[best]);
  element("doubt").textContent = doubt;
  element("name").classList.toggle("doubtful", Boolean(doubt));
  element("hint").hidden = !nothing;
  element("undo").disabled = element("clear").disabled = nothing;
  const answer = empty ? [] : [`${name}, ${percent(probabilities[best])}`, doubt];
  const tell = notes => {
    showNotes(nothing ? [] : notes);
    say(nothing ? "" : [...answer, ...notes].filter(Boolean).join(". "));
  };
  const tellAll = () => tell(notesOf(model, seen, verdict));
  clearTimeout(wondering);
  if (drawn) {
    tell(seen.notes);
    wondering = setTimeout(tellAll, REST);
  } else tellAll();
}

// Take a picture or the camera away, and leave the pad to the pen.
function takeAway() {
  stopCamera(video);
  bitmap = null;
  showCamera(false);
  pad.draw();
}

function showCamera(on) {
  video.hidden = !on;
  element("camera").setAttribute("aria-pressed", on);
  element("camera").textContent = on ? "Hold still" : "Camera";
}

// Put a decoded picture on the pad, as large as it fits.
function put(decoded) {
  pad.strokes.length = 0;
  takeAway();
  bitmap = decoded;
  const scale = canvas.width / Math.max(decoded.width, decoded.height);
  const [width, height] = [decoded.width * scale, decoded.height * scale];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(decoded, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  lookAgain();
}

async function trying(act) {
  element("trouble").hidden = true;
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    element("trouble").textContent = error.message;
    element("trouble").hidden = false;
  }
}

const openFile = file => trying(async () => {
  chosen = file;
  const decoded = await bitmapOf(file);
  readPicture(decoded.height, decoded.width); // refuses one that is too large before it takes the place of another
  decoded.notes = await notesOnFile(file);
  if (file === chosen) put(decoded);
});

async function live() {
  while (video.srcObject) {
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) lookAgain();
    await new Promise(done => setTimeout(done, 60));
  }
}

element("camera").addEventListener("click", () => trying(async () => {
  if (video.srcObject) { // keep what it saw last
    const square = document.createElement("canvas");
    const side = square.width = square.height = Math.min(video.videoWidth, video.videoHeight);
    const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
    square.getContext("2d").drawImage(video, left, top, side, side, 0, 0, side, side);
    put(square);
    return;
  }
  if (starting) return; // a second camera would never be stopped
  starting = true;
  await startCamera(video).finally(() => { starting = false; });
  pad.strokes.length = 0;
  bitmap = null;
  pad.draw();
  showCamera(true);
  live();
}));

element("undo").addEventListener("click", event => pad.undo(event));
element("clear").addEventListener("click", event => {
  element("trouble").hidden = true;
  pad.clear(event);
});
for (const input of document.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    if (input.files.length) openFile(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });
}
document.addEventListener("dragover", event => event.preventDefault());
document.addEventListener("drop", event => {
  event.preventDefault();
  if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
});
document.addEventListener("paste", event => {
  if (event.clipboardData.files.length) openFile(event.clipboardData.files[0]);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = mapColours();
  if (!bitmap) pad.draw();
  lookAgain();
});

const {height, width} = model.input;
element("size").textContent = `${height} × ${width} pixels: all that the network is given.`;
lookAgain();
