// Where pictures come from besides the pad: a file and the camera. Both are read on this machine and go nowhere.

// What a canvas, video or decoded picture shows, or its square in the middle, scaled to `side` pixels.
function pictureFrom(source, width, height, side = null, printed = true) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", {willReadFrequently: true});
  if (side) {
    const square = Math.min(width, height);
    canvas.width = canvas.height = side;
    context.drawImage(source, (width - square) / 2, (height - square) / 2, square, square, 0, 0, side, side);
    return readPicture(side, side, (top, left, h, w) => context.getImageData(left, top, w, h).data, printed);
  }
  return readPicture(height, width, (top, left, h, w) => {
    [canvas.width, canvas.height] = [w, h];
    context.drawImage(source, left, top, w, h, 0, 0, w, h);
    return context.getImageData(0, 0, w, h).data;
  });
}

// Decode a file; the numbers stay as they are in it, whatever its colour profile says, as in Python.
async function bitmapOf(file) {
  try {
    return await createImageBitmap(file, {colorSpaceConversion: "none", premultiplyAlpha: "none"});
  } catch (error) {
    const heic = /\.hei[cf]$/i.test(file.name) ? " HEIC photos are read by few browsers: save it as JPEG." : "";
    throw new Refused(`“${file.name}” is no picture that this browser can read.${heic}`);
  }
}

// What is to be said of a file as such: that it holds several pictures, where the browser can tell.
async function notesOnFile(file) {
  try {
    const decoder = new ImageDecoder({data: file.stream(), type: file.type});
    await decoder.completed;
    return decoder.tracks.selectedTrack.frameCount > 1 ? ["several pictures in one file: only the first was looked at"] : [];
  } catch {
    return []; // no such decoder, or none for this kind: what was read is one picture
  }
}

const CAMERA_TROUBLE = {
  NotAllowedError: "The camera was not allowed. The browser's settings for this page can allow it.",
  NotFoundError: "No camera was found on this machine.",
  NotReadableError: "The camera is in use by another program.",
};

async function startCamera(video) {
  if (!navigator.mediaDevices) {
    throw new Refused("The browser gives the camera to pages from a server only: open this page with “numpycnn page --open”.");
  }
  try {
    const wanted = {facingMode: "environment", width: {ideal: 1280}, height: {ideal: 720}};
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: wanted, audio: false});
    await video.play();
  } catch (error) {
    stopCamera(video);
    throw new Refused(CAMERA_TROUBLE[error.name] || `The camera did not start: ${error.message}`);
  }
}

function stopCamera(video) {
  for (const track of video.srcObject ? video.srcObject.getTracks() : []) track.stop();
  video.srcObject = null;
}
