// The pad: strokes by mouse, finger, pen or keyboard. A stroke is a list of points [x, y], 0 to 1 across the pad.

const STROKE_WIDTH = 0.074; // of the pad's width: about 2.3 pixels once the digit is scaled to 20
const KEY_STEP = 0.04;

// `changed(time)` is called after every change, with the time of the event that made it.
function makePad(canvas, pen, changed) {
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const pad = {strokes: [], draw, undo, clear, isEmpty: () => !pad.strokes.length};
  let current = null; // the stroke that is being drawn
  let pointer = null; // and by whom: a palm beside the pen, or a second finger, is none of its business
  const keyboard = {place: [0.5, 0.3], stroke: null};

  function draw() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = STROKE_WIDTH * canvas.width;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of pad.strokes) {
      const points = stroke.map(([x, y]) => [x * canvas.width, y * canvas.height]);
      context.beginPath();
      context.moveTo(...points[0]);
      for (let i = 1; i < points.length; i++) { // curves from middle to middle are smooth at the points
        const [[x, y], [nextX, nextY]] = [points[i - 1], points[i]];
        context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
      }
      context.lineTo(...points[points.length - 1]);
      context.stroke();
    }
  }

  function change(event) {
    draw();
    changed(event.timeStamp);
  }

  function undo(event) {
    pad.strokes.pop();
    [current, keyboard.stroke] = [null, null];
    change(event);
  }

  function clear(event) {
    pad.strokes.length = 0;
    [current, keyboard.stroke] = [null, null];
    change(event);
  }

  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function begin(place) {
    const stroke = [place];
    pad.strokes.push(stroke);
    return stroke;
  }

  canvas.addEventListener("pointerdown", event => {
    if (current || !event.isPrimary || event.button !== 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(event.pointerId);
    pen.hidden = true;
    current = begin(placeOf(event));
    change(event);
  });
  canvas.addEventListener("pointermove", event => {
    if (!current || event.pointerId !== pointer) return;
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of all.length ? all : [event]) current.push(placeOf(each));
    change(event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, event => { if (event.pointerId === pointer) current = null; });
  }

  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  canvas.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = steps[event.key];
    if (step) {
      const length = event.shiftKey ? KEY_STEP / 4 : KEY_STEP;
      keyboard.place = keyboard.place.map((part, i) => Math.min(Math.max(part + length * step[i], 0), 1));
      if (keyboard.stroke) keyboard.stroke.push(keyboard.place);
    } else if (event.key === " ") {
      keyboard.stroke = keyboard.stroke ? null : begin(keyboard.place);
    } else if (event.key === "Backspace") {
      undo(event);
    } else if (event.key === "Delete") {
      clear(event);
    } else {
      return;
    }
    event.preventDefault();
    pen.hidden = false;
    pen.classList.toggle("down", keyboard.stroke !== null);
    [pen.style.left, pen.style.top] = keyboard.place.map(part => `${100 * part}%`);
    change(event);
  });
  canvas.addEventListener("blur", () => {
    pen.hidden = true;
    keyboard.stroke = null;
  });
  return pad;
}
