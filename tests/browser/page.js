// What the tests ask of a JupyterLab page. Chromium runs this before the page's own scripts.

globalThis.harness = (() => {
  const panel = () => globalThis.jupyterapp?.shell.currentWidget;
  const kernel = () => panel().sessionContext.session.kernel;
  const cell = (id) => panel().content.widgets.find((widget) => widget.model.id === id);
  /** @type {Map<string, boolean>} */
  const finished = new Map();

  /** Whether the notebook at `path` is shown and its kernel listens. */
  function ready(path) {
    const session = panel()?.sessionContext;
    return (
      panel()?.context?.path === path &&
      panel().content.model !== null &&
      session.isReady &&
      session.session?.kernel?.connectionStatus === "connected" &&
      ["idle", "busy"].includes(session.session.kernel.status)
    );
  }

  /** Append a cell and return its id. */
  function append(source) {
    const notebook = panel().content;
    return notebook.model.sharedModel.insertCell(notebook.widgets.length, { cell_type: "code", source }).id;
  }

  function cells() {
    return panel()
      .content.widgets.filter((widget) => widget.model.type === "code" && widget.model.sharedModel.source.trim())
      .map((widget) => widget.model.id);
  }

  /** Run a cell; `done` tells when it has ended. */
  function start(id) {
    const notebook = panel().content;
    finished.set(id, false);
    notebook.deselectAll();
    notebook.activeCellIndex = notebook.widgets.indexOf(cell(id));
    globalThis.jupyterapp.commands.execute("notebook:run-cell").finally(() => finished.set(id, true));
  }

  const done = (id) => finished.get(id) === true;
  const source = (id) => cell(id).model.sharedModel.source;
  const outputs = (id) => cell(id).model.outputs.toJSON();

  /** Evaluate a Python expression in the kernel, leaving no cell behind. */
  async function evaluate(expression, seconds) {
    const future = kernel().requestExecute(
      { code: "", silent: true, store_history: false, user_expressions: { value: expression } },
      true,
    );
    const reply = await within(seconds, future.done);
    return reply?.content ?? null;
  }

  /** What `promise` gives, or undefined when it takes longer. */
  function within(seconds, promise) {
    return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, seconds * 1000))]);
  }

  /** Whether a video, or an image, has a picture. */
  function hasPicture(selector) {
    const element = document.querySelector(selector);
    if (element instanceof HTMLImageElement) return element.naturalWidth > 1; // one pixel is a placeholder
    return Boolean(element && element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && element.videoWidth);
  }

  function visible(selector) {
    const video = document.querySelector(selector);
    video.scrollIntoView({ block: "center" });
    return video;
  }

  function painter() {
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    return (element, rows = element.videoHeight) => {
      const width = element.videoWidth ?? element.naturalWidth;
      const height = Math.min(rows, element.videoHeight ?? element.naturalHeight);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      context.drawImage(element, 0, 0);
      return { width, height, seconds: Date.now() / 1000, data: context.getImageData(0, 0, width, height).data };
    };
  }

  function encoded({ data, ...picture }) {
    let binary = "";
    for (let start = 0; start < data.length; start += 0x8000)
      binary += String.fromCharCode.apply(null, data.subarray(start, start + 0x8000));
    return { ...picture, rgba: btoa(binary) };
  }

  const grab = (selector) => encoded(painter()(visible(selector)));

  /** Follow the pictures a video presents for `seconds`; with `rows`, keep the top rows of each. */
  function frames(selector, seconds, rows) {
    const video = visible(selector);
    const paint = painter();
    const seen = [];
    return new Promise((resolve) => {
      let pending = video.requestVideoFrameCallback(onFrame);
      function onFrame(now, metadata) {
        pending = video.requestVideoFrameCallback(onFrame);
        seen.push({
          seconds: Date.now() / 1000,
          presented: metadata.presentedFrames,
          media: metadata.mediaTime,
          strip: rows ? paint(video, rows) : null,
        });
      }
      setTimeout(() => {
        video.cancelVideoFrameCallback(pending);
        resolve(seen.map((frame) => ({ ...frame, strip: frame.strip && encoded(frame.strip) })));
      }, seconds * 1000);
    });
  }

  /** The same for an image whose source changes, with each picture that it loads. */
  async function images(selector, seconds, rows) {
    const image = visible(selector);
    const paint = painter();
    const seen = [];
    const onLoad = () =>
      requestAnimationFrame(() =>
        seen.push({ seconds: Date.now() / 1000, presented: seen.length, media: 0, strip: rows && paint(image, rows) }),
      );
    image.addEventListener("load", onLoad);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    image.removeEventListener("load", onLoad);
    return seen.map((frame) => ({ ...frame, strip: frame.strip ? encoded(frame.strip) : null }));
  }

  return { ready, append, cells, start, done, source, outputs, evaluate, hasPicture, grab, frames, images };
})();
