var __defProp = Object.defineProperty, __export = (target, all) => {
for (var name in all) __defProp(target, name, { get: all[name], enumerable: true });
}, devices_exports = {};
__export(devices_exports, { allowed: () => allowed, explain: () => explain, insecure: () => insecure, instead: () => instead, list: () => list, lost: () => lost, obstacle: () => obstacle, open: () => open, remember: () => remember });
function nameOf(wish) {
return wish.source === "screen" ? "screen" : wish.source === "element" ? "capture" : wish.video ? wish.audio ? "camera and microphone" : "camera" : "microphone";
}
function wordsOf(wish) {
const name = nameOf(wish), capital = name.charAt(0).toUpperCase() + name.slice(1), asking = `Asking for the ${name}…`;
switch (wish.source) {
case "screen": {
const start = "Share the screen";
return { name, start, stop: "Stop sharing", take: start, off: "Screen not shared", asking };
}
case "element":
return { name, start: "Start the capture", stop: "Stop the capture", take: "Capture in this page", off: "Capture off", asking: "Looking for the widget…" };
default:
return { name, start: `Start the ${name}`, stop: `Stop the ${name}`, take: `Use this page's ${name}`, off: `${capital} off`, asking };
}
}
function kinds(wish) {
return ["video", "audio"].filter((kind) => wish[kind]);
}
var REMEMBERED = "jupyter_rtc.device.";
async function open({ audio, video }) {
const asked = { ...video && { video }, ...audio && { audio } }, wanted = { ...video && { video: preferred("video", video) }, ...audio && { audio: preferred("audio", audio) } };
try {
return await navigator.mediaDevices.getUserMedia(wanted);
} catch (error) {
if (error instanceof DOMException && error.name === "NotAllowedError") throw error;
const others = same(asked, wanted) ? await withoutMissing(asked) : asked;
if (same(others, wanted)) throw error;
return navigator.mediaDevices.getUserMedia(others);
}
}
function same(one, other) {
return JSON.stringify(one) === JSON.stringify(other);
}
function remember(kind, deviceId) {
try {
localStorage.setItem(REMEMBERED + kind, deviceId);
} catch {
}
}
function remembered(kind) {
try {
return localStorage.getItem(REMEMBERED + kind);
} catch {
return null;
}
}
function preferred(kind, constraints) {
const wanted = constraints === true ? {} : constraints, deviceId = remembered(kind);
return !deviceId || wanted.deviceId || wanted.facingMode ? constraints : { ...wanted, deviceId: { exact: deviceId } };
}
async function withoutMissing(wanted) {
const ids = (await list()).map(({ deviceId }) => deviceId), others = { ...wanted };
for (const kind of ["video", "audio"]) {
const constraints = wanted[kind];
if (typeof constraints != "object") continue;
const { deviceId, ...rest } = constraints, exact = typeof deviceId == "object" && "exact" in deviceId ? deviceId.exact : void 0;
typeof exact == "string" && !ids.includes(exact) && (others[kind] = rest);
}
return others;
}
async function instead(wish, { kind, deviceId }) {
const mine = (await list()).filter((other) => other.kind === kind);
if (mine.length === 0 || mine.some((other) => other.deviceId === deviceId)) return;
const constraints = wish[kind];
if (typeof constraints != "object") return wish;
const { deviceId: _, ...rest } = constraints;
return { ...wish, [kind]: rest };
}
async function list() {
return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput" || kind === "audioinput").map(({ deviceId, kind, label }) => ({ deviceId, kind: kind === "videoinput" ? "video" : "audio", label }));
}
function lost({ kind }) {
return { name: "NotReadableError", message: `the ${kind === "video" ? "camera" : "microphone"} was disconnected` };
}
function obstacle(wish) {
const what = nameOf(wish);
if (inCodeEditor()) return { name: "SecurityError", message: `VS Code gives notebooks no ${what}. Open this notebook in JupyterLab in a browser: its kernel gets the pictures there` };
if (!navigator.mediaDevices?.getUserMedia) return insecure(what);
if (kinds(wish).filter((kind) => !allowed(kind === "video" ? "camera" : "microphone")).length !== 0) return { name: "SecurityError", message: `the page that this one is embedded in forbids the ${what} (its iframe needs allow="camera; microphone"). Open the notebook in a tab of its own` };
}
function explain(error, wish) {
const name = error instanceof DOMException || error instanceof Error ? error.name : "Error", said = error instanceof Error || error instanceof DOMException ? error.message : String(error), what = nameOf(wish);
switch (name) {
case "NotAllowedError":
return { name, message: `no permission: allow the ${what} in the page's address bar, then press Start` };
case "NotFoundError":
return { name, message: `no ${what} was found on this computer` };
case "NotReadableError":
return { name, message: `the ${what} is used by another program, or was disconnected (${said})` };
case "OverconstrainedError": {
const constraint = error.constraint;
return { name, message: `no ${what} can do what was asked for${constraint ? ` (${constraint})` : ""}` };
}
default:
return { name, message: said || `the ${what} could not be opened` };
}
}
function insecure(what) {
return { name: "SecurityError", message: `browsers give a ${what} only to pages at https: or localhost, and this one is at ${location.origin}. Serve Jupyter by https, or open it through a tunnel: ssh -L 8888:localhost:8888 HOST` };
}
function inCodeEditor() {
const { protocol, hostname } = globalThis.location ?? {};
return protocol === "vscode-webview:" || !!hostname?.endsWith(".vscode-cdn.net");
}
function allowed(feature) {
const { featurePolicy } = document;
return featurePolicy?.allowsFeature(feature) ?? true;
}
var element_exports = {};
__export(element_exports, { explain: () => explain2, lost: () => lost2, obstacle: () => obstacle2, open: () => open2 });
var MOST_READ = 16384, OWNERS_TIME = 1e4, Copy = class {
#canvas = document.createElement("canvas");
#context = this.#canvas.getContext("2d", { alpha: false });
#lifetime = new AbortController();
#pause;
#found = performance.now();
#last = 0;
#watching = false;
seen = false;
constructor(element, fps) {
this.element = element, this.fps = fps, this.#pause = 900 / fps;
}
look() {
return !this.seen && hasPicture(this.element) && this.#draw(this.element), (this.seen || performance.now() - this.#found > OWNERS_TIME) && this.#watch(), this.seen;
}
stream() {
const stream = this.#canvas.captureStream(this.fps);
return requestAnimationFrame(() => this.touch()), stream;
}
touch() {
const context = this.#context;
context && (context.globalAlpha = 0, context.fillRect(0, 0, 1, 1), context.globalAlpha = 1);
}
close() {
this.#lifetime.abort();
}
#watch() {
if (this.#watching) return;
this.#watching = true;
const { element } = this;
if (element instanceof HTMLVideoElement) return this.#follow(element);
let stream;
try {
stream = element.captureStream(this.fps);
} catch (error) {
if (error instanceof DOMException && error.name === "SecurityError") throw error;
return this.#poll();
}
const video = document.createElement("video");
video.muted = true, video.srcObject = stream, video.play().catch(() => {
}), this.#lifetime.signal.addEventListener("abort", () => {
for (const track of stream.getTracks()) track.stop();
video.srcObject = null;
}), this.#follow(video);
}
#follow(video) {
video.requestVideoFrameCallback(() => {
this.#lifetime.signal.aborted || (this.#drawInTime(video), this.#follow(video));
});
}
#poll() {
requestAnimationFrame(() => {
this.#lifetime.signal.aborted || ((this.seen || hasPicture(this.element)) && this.#drawInTime(this.element), this.#poll());
});
}
#drawInTime(source2) {
const now = performance.now();
now - this.#last < this.#pause || (this.#last = now, (this.seen || pixelsOf(source2).some(Boolean)) && this.#draw(source2));
}
#draw(source2) {
const { width, height } = sizeOf(source2), context = this.#context;
!context || !width || !height || (this.#canvas.width !== width && (this.#canvas.width = width), this.#canvas.height !== height && (this.#canvas.height = height), context.fillStyle = backgroundOf(this.element), context.fillRect(0, 0, width, height), context.drawImage(source2, 0, 0, width, height), this.seen = true);
}
};
function sizeOf(source2) {
return source2 instanceof HTMLVideoElement ? { width: source2.videoWidth, height: source2.videoHeight } : { width: source2.width, height: source2.height };
}
function hasPicture(source2) {
if (source2 instanceof HTMLVideoElement) return source2.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
const pixels = pixelsOf(source2);
return pixels.some((pixel) => (pixel & 16777215) !== 0 || pixel !== pixels[0]);
}
function pixelsOf(source2) {
const { width, height } = sizeOf(source2), scale = Math.min(1, Math.sqrt(MOST_READ / (width * height))), scratch = document.createElement("canvas");
scratch.width = Math.ceil(width * scale), scratch.height = Math.ceil(height * scale);
const context = scratch.getContext("2d", { willReadFrequently: true });
return !context || !scratch.width || !scratch.height ? new Uint32Array() : (context.imageSmoothingQuality = "high", context.drawImage(source2, 0, 0, scratch.width, scratch.height), new Uint32Array(context.getImageData(0, 0, scratch.width, scratch.height).data.buffer));
}
function backgroundOf(element) {
let node = element;
for (; node; ) {
const colour = node instanceof Element ? getComputedStyle(node).backgroundColor : "";
if (colour && colour !== "transparent" && !/(?:,|\/) *0(?:\.\d+)?\)$/.test(colour)) return colour;
node = node instanceof ShadowRoot ? node.host : node.parentNode;
}
return "white";
}
var PATIENCE = 5e3, EMPTY = 2e3, GLANCE = 100, REFRESH = 1e3, SMALLEST = 8, NO_PICTURE = "the widget has no canvas, and no video that plays, and only these can be captured", NOT_SHOWN = "the widget is not shown in this page: show it, then press Start", notFound = (message) => new DOMException(message, "NotFoundError");
async function open2({ model = "", fps = 30 }, signal, { manager, wait }) {
const copy2 = await firstPicture(model, fps, signal, manager, wait), stream = copy2.stream(), [track] = stream.getVideoTracks(), timer = setInterval(() => {
if (copy2.element.isConnected) return copy2.touch();
clearInterval(timer), track.stop(), track.dispatchEvent(new Event("ended"));
}, REFRESH);
return signal.addEventListener("abort", () => clearInterval(timer)), stream;
}
function obstacle2() {
}
function explain2(error) {
const { name, message } = error instanceof Error || error instanceof DOMException ? error : new Error(String(error));
return name !== "SecurityError" ? { name, message } : { name, message: "the widget draws pictures of another site, which browsers give to nobody" };
}
function lost2() {
return "again";
}
async function firstPicture(model, fps, signal, manager, wait) {
if (!manager?.get_model) throw notFound("this front end does not tell where other widgets are");
const began = performance.now();
let copy2, shown = false, found = began, told = "";
const drawn = new Drawn();
signal.addEventListener("abort", () => copy2?.close());
try {
for (let due = began; !signal.aborted; await drawn.next()) {
const now = performance.now();
if (now >= due) {
due = now + GLANCE;
const roots = await rootsOf(model, manager);
shown ||= roots.some((el) => el.isConnected);
const element = best(roots.flatMap((el) => [...candidates(el)]));
element !== copy2?.element && (copy2?.close(), copy2 = element && new Copy(element, fps), found = now);
const note = copy2 && now - found > EMPTY ? emptiness(roots, copy2.element) : told;
note !== told && wait(note), told = note;
}
if (copy2?.look()) return copy2;
if (!copy2 && now - began > PATIENCE) throw notFound(shown ? NO_PICTURE : NOT_SHOWN);
}
} finally {
drawn.close();
}
throw new DOMException("it is not wanted any more", "AbortError");
}
var Drawn = class {
#probe = document.createElement("div");
#told = () => {
};
#observer = new ResizeObserver(() => this.#told());
constructor() {
this.#probe.style.cssText = "position: fixed; top: 0; height: 0; visibility: hidden", document.body.append(this.#probe), this.#observer.observe(this.#probe);
}
next() {
return new Promise((resolve) => {
const timer = setTimeout(resolve, GLANCE);
this.#told = () => {
clearTimeout(timer), resolve();
}, !document.hidden && requestAnimationFrame(() => {
const { style } = this.#probe;
style.width = style.width === "1px" ? "0" : "1px";
});
});
}
close() {
this.#observer.disconnect(), this.#probe.remove();
}
};
async function rootsOf(model, manager) {
const { views = {} } = await manager.get_model(model).catch(() => {
throw notFound("the widget was closed: make another, and another capture of it");
});
return (await Promise.allSettled(Object.values(views))).flatMap((view) => view.status === "fulfilled" ? [view.value.el] : []);
}
function best(all) {
const isVideo = ({ element }) => +(element instanceof HTMLVideoElement), [first, ...others] = all.sort((one, other) => other.area - one.area || isVideo(other) - isVideo(one)), close = others.filter(({ area }) => area >= first.area / 2);
return close.length === 0 || hasPicture(first.element) ? first?.element : (close.find(({ element }) => hasPicture(element)) ?? first).element;
}
function* candidates(root) {
for (const element of elements(root)) {
if (!(element instanceof HTMLCanvasElement || element instanceof HTMLVideoElement) || element instanceof HTMLVideoElement && element.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) continue;
const area = areaOf(element);
area > SMALLEST * SMALLEST && isVisible(element) && (yield { element, area });
}
}
function* elements(root) {
root instanceof Element && (yield root);
for (const element of root.querySelectorAll("*")) yield element, element.shadowRoot && (yield* elements(element.shadowRoot));
}
function areaOf(element) {
const { width, height } = element.getBoundingClientRect();
return width * height;
}
function isVisible(element) {
return element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
}
function emptiness(roots, element) {
const area = areaOf(element) / 2;
return roots.flatMap((root) => [...root.querySelectorAll("svg")]).some((svg) => areaOf(svg) > area) ? "the widget draws by SVG, and its canvas is empty: only a canvas or a video can be captured" : "waiting until the widget draws: its canvas is empty, or has a WebGL scene that was drawn before the capture began, which cannot be read. Move it, or draw it again";
}
var screen_exports = {};
__export(screen_exports, { explain: () => explain3, lost: () => lost3, obstacle: () => obstacle3, open: () => open3 });
function open3({ audio, video }) {
return navigator.mediaDevices.getDisplayMedia({ video, audio: !!audio });
}
function obstacle3() {
if (!globalThis.isSecureContext) return insecure("screen");
if (!navigator.mediaDevices?.getDisplayMedia) return { name: "NotSupportedError", message: "this browser, or this application, shares no screens" };
if (!allowed("display-capture")) return { name: "SecurityError", message: 'the page that this one is embedded in forbids sharing the screen (its iframe needs allow="display-capture"). Open the notebook in a tab of its own' };
}
function explain3(error) {
const { name, message } = error instanceof DOMException ? error : { name: "Error", message: String(error) };
switch (name) {
case "NotAllowedError":
return { name, message: "the screen was not shared: press Share the screen and choose what is to be seen" };
case "InvalidStateError":
return { name, message: "the browser wants a click for it: press Share the screen" };
case "NotFoundError":
return { name, message: "there is no screen or window that could be shared" };
case "NotReadableError":
return { name, message: `the system did not give the screen to the browser: see its privacy settings (${message})` };
default:
return { name, message: message || "the screen could not be shared" };
}
}
function lost3() {
}
var SOURCES = { device: devices_exports, screen: screen_exports, element: element_exports }, PAUSE = 1500, HIDDEN = "the page that captures is hidden, and browsers draw nothing in a hidden page: bring its tab to the front", Capture = class {
#post;
#onchange;
#manager;
#lifetime = new AbortController();
#live;
#turn = 0;
#watching = false;
#by = "kernel";
state = "idle";
error;
note = "";
stream;
wish = {};
devices = [];
microphoneMuted = false;
invites = false;
constructor(post, onchange, manager) {
this.#post = post, this.#onchange = onchange, this.#manager = manager;
}
get on() {
return this.state === "starting" || this.state === "live";
}
get tracks() {
return { video: this.stream?.getVideoTracks()[0], audio: this.stream?.getAudioTracks()[0] };
}
async start(wish, by) {
const source2 = SOURCES[wish.source ?? "device"], clicked = this.invites && by === "page";
if (this.on && !clicked && JSON.stringify(wish) === JSON.stringify(this.wish)) {
this.#by = by, this.#report();
return;
}
this.#turn += 1;
const turn = this.#turn;
if (this.#release(), this.wish = wish, this.invites = source2 === screen_exports && by === "kernel", this.#become("starting", by), this.invites) return;
const error = source2.obstacle(wish);
if (error) return this.#become("error", by, error);
let stream;
const live = new AbortController();
this.#live = live;
try {
const wait = (note) => turn === this.#turn && this.#wait(note);
stream = await source2.open(wish, live.signal, { manager: this.#manager, wait });
} catch (thrown) {
turn === this.#turn && this.#become("error", this.#by, source2.explain(thrown, wish));
return;
}
if (turn !== this.#turn) return halt(stream);
if (this.#hold(stream, source2, live.signal), source2 === devices_exports) {
const found = await list();
if (turn !== this.#turn) return;
this.devices = found, this.#watch();
}
this.#watchMedia(stream, source2, live.signal);
}
stop(by) {
!this.on && this.state !== "error" || (this.#turn += 1, this.#release(), this.#become("stopped", by));
}
switch(deviceId) {
const kind = this.devices.find((other) => other.deviceId === deviceId)?.kind;
if (!kind) return;
remember(kind, deviceId);
const { facingMode: _, ...constraints } = constraintsOf(this.wish[kind]);
this.start({ ...this.wish, [kind]: { ...constraints, deviceId: { exact: deviceId } } }, "page");
}
muteMicrophone(muted) {
this.microphoneMuted = muted;
for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
this.#onchange();
}
report() {
this.state !== "idle" && this.#report();
}
drop() {
this.#turn += 1, this.#release(), this.state !== "idle" && (this.state = "stopped"), this.error = void 0, this.#onchange();
}
close() {
this.drop(), this.#lifetime.abort();
}
#hold(stream, source2, signal) {
this.stream = stream;
for (const track of stream.getTracks()) {
track.kind === "audio" && (track.enabled = !this.microphoneMuted);
const { deviceId = "" } = track.getSettings(), device = { deviceId, kind: track.kind, label: track.label };
track.addEventListener("ended", () => this.#lost(source2, track, device), { signal });
}
}
async #lost(source2, track, device) {
this.#turn += 1;
const turn = this.#turn;
this.#release();
const error = source2.lost(track), wish = error === "again" ? this.wish : error && await source2.instead?.(this.wish, device);
turn === this.#turn && (wish ? (this.state = "stopped", this.start(wish, "kernel")) : error !== "again" && this.#become(error ? "error" : "stopped", "page", error));
}
#release() {
this.#live?.abort(), this.invites = false, this.stream && halt(this.stream), this.stream = void 0;
}
#watch() {
this.#watching || (this.#watching = true, navigator.mediaDevices.addEventListener("devicechange", async () => {
const found = await list();
JSON.stringify(found) !== JSON.stringify(this.devices) && (this.devices = found, this.#report());
}, { signal: this.#lifetime.signal }));
}
#watchMedia(stream, source2, signal) {
let timer;
const look = () => {
if (clearTimeout(timer), signal.aborted) return;
const paused = stream.getTracks().every(({ muted }) => muted);
source2 === element_exports && document.hidden ? this.#wait(HIDDEN) : paused ? this.#wait(`the ${nameOf(this.wish)} is on and gives nothing: the browser or the system has paused it`) : this.#become("live", this.#by);
}, lookLater = () => {
clearTimeout(timer), timer = setTimeout(look, PAUSE);
};
for (const track of stream.getTracks()) track.addEventListener("mute", lookLater, { signal }), track.addEventListener("unmute", () => this.state === "starting" && look(), { signal });
source2 === element_exports && document.addEventListener("visibilitychange", look, { signal }), source2 === element_exports && document.hidden ? this.#wait(HIDDEN) : this.#become("live", this.#by), stream.getTracks().some(({ muted }) => muted) && lookLater();
}
#wait(note) {
this.state = "starting", this.note = note, this.#report();
}
#become(state, by, error) {
this.state = state, this.#by = by, this.error = error, this.note = "", this.#report();
}
#report() {
const settings = {};
for (const kind of kinds(this.wish)) {
const track = this.tracks[kind];
track && (settings[kind] = track.getSettings());
}
this.#post({ type: "capture", state: this.state, by: this.#by, ...this.error && { error: this.error }, ...this.note && { why: this.note }, ...this.stream && { settings }, ...this.devices.length > 0 && { devices: this.devices }, ...this.stream && { device: (settings.video ?? settings.audio)?.deviceId ?? "" } }), this.#onchange();
}
};
function constraintsOf(constraints) {
return typeof constraints == "object" ? constraints : {};
}
function halt(stream) {
for (const track of stream.getTracks()) track.stop();
}
var Patience = class {
#milliseconds;
#onlate;
#timer;
late = false;
constructor(milliseconds, onlate) {
this.#milliseconds = milliseconds, this.#onlate = onlate;
}
watch(waiting) {
waiting || (clearTimeout(this.#timer), this.#timer = void 0, this.late = false), !(!waiting || this.#timer !== void 0) && (this.#timer = setTimeout(() => {
this.late = true, this.#onlate();
}, this.#milliseconds));
}
};
function describe({ sentence, link, entries, kernel }) {
const all = [...entries], byId = new Map(all.map((entry) => [entry.id, entry])), ends = (id) => candidate(byId.get(id));
return [`jupyter_rtc, ${(/* @__PURE__ */ new Date()).toISOString()}`, `shown: ${sentence}`, `page: ${globalThis.location?.origin}, ${navigator.userAgent}`, `link: ${link}${globalThis.isSecureContext ? "" : ", not a secure context: no camera"}`, "", ...section("addresses of the page", all.filter(({ type }) => type === "local-candidate").map(candidate)), ...section("addresses of the kernel", all.filter(({ type }) => type === "remote-candidate").map(candidate)), ...section("ways that were tried", all.filter(({ type }) => type === "candidate-pair").map(({ localCandidateId, remoteCandidateId, state, requestsSent = 0, responsesReceived = 0 }) => `${ends(localCandidateId)} → ${ends(remoteCandidateId)}: ${state}, ${responsesReceived} of ${requestsSent} checks answered`)), "the kernel says:", kernel || "  nothing: no answer in time"].join(`
`);
}
function section(title, lines) {
return [`${title}:`, ...(lines.length > 0 ? lines : ["none"]).map((line) => `  ${line}`), ""];
}
function candidate(entry) {
return entry ? `${entry.address || "(hidden)"}:${entry.port} (${entry.candidateType}, ${entry.protocol})` : "?";
}
async function copy(text) {
try {
await navigator.clipboard.writeText(text);
} catch {
const area = document.createElement("textarea");
area.value = text, document.body.append(area), area.select();
const done = document.execCommand("copy");
if (area.remove(), !done) throw new Error("the browser does not let it be copied");
}
}
var Mailbox = class {
#posted = 0;
#received = 0;
#outgoing = [];
get posted() {
return this.#posted;
}
get unacknowledged() {
return this.#outgoing.length;
}
post(message) {
this.#posted += 1, this.#outgoing.push({ ...message, n: this.#posted });
}
envelope() {
return { ack: this.#received, messages: [...this.#outgoing] };
}
receive({ ack, messages }) {
this.#outgoing = this.#outgoing.filter(({ n }) => n > ack);
const fresh = [];
for (const message of [...messages].sort((a, b) => a.n - b.n)) message.n === this.#received + 1 && (this.#received = message.n, fresh.push(message));
return fresh;
}
}, FIRST_PAUSE = 250, LAST_PAUSE = 4e3, FIRST_BACKOFF = 250, LAST_BACKOFF = 4e3, SLOW_BACKOFF = 4e3, SLOWEST_BACKOFF = 16e3, BUSY_AFTER = 1500, NOBODY_AFTER = 1e4, Courier = class {
#mailbox = new Mailbox();
#options;
#channel = null;
#next;
#silenceTimer;
#backoff;
#pause = FIRST_PAUSE;
#unanswered = false;
#loaded = false;
#flushing = false;
#sent = 0;
#closed = false;
heard = false;
silence = "";
constructor(options) {
this.#options = options, this.#backoff = options.slow ? SLOW_BACKOFF : FIRST_BACKOFF;
}
post(message) {
this.#closed || (this.#mailbox.post(message), this.#flushSoon());
}
receive(envelope, way) {
if (this.#closed) return;
const messages = envelope.messages, fresh = this.#mailbox.receive({ ack: envelope.ack, messages });
this.heard = true, fresh.length > 0 && (this.#pause = FIRST_PAUSE), way === "comm" && this.#answered(), (messages.length > 0 || this.#sent < this.#mailbox.posted) && this.#flushSoon();
for (const message of fresh) this.#options.deliver(message);
}
use(channel) {
this.#closed || channel === this.#channel || (this.#channel = channel, this.#answered(), this.#flushSoon());
}
close(message) {
if (this.#closed) return;
this.#mailbox.post(message);
const envelope = this.#envelope();
this.#overChannel(envelope), this.#overComm(envelope), this.abandon();
}
abandon() {
this.#closed = true, this.#channel = null, clearTimeout(this.#next), clearTimeout(this.#silenceTimer);
}
#flushSoon() {
this.#flushing || (this.#flushing = true, queueMicrotask(() => {
this.#flushing = false, this.#closed || this.#flush();
}));
}
#flush() {
const news = this.#sent < this.#mailbox.posted;
this.#channel?.readyState === "open" ? this.#overChannel(this.#envelope()) : (!this.#unanswered || news && !this.#loaded) && this.#ask();
}
#ask() {
const envelope = this.#envelope();
this.#unanswered = true, this.#loaded ||= envelope.messages.length > 0, clearTimeout(this.#next), this.#next = setTimeout(() => this.#askAgain(), this.#backoff), this.#silenceTimer ??= setTimeout(() => this.#silent(), BUSY_AFTER), this.#overComm(envelope);
}
#askAgain() {
const slowest = this.#options.slow && !this.heard ? SLOWEST_BACKOFF : LAST_BACKOFF;
this.#backoff = Math.min(this.#backoff * 2, slowest), this.#ask();
}
#answered() {
clearTimeout(this.#next), clearTimeout(this.#silenceTimer), this.#silenceTimer = void 0, this.#unanswered = false, this.#loaded = false, this.#backoff = FIRST_BACKOFF, this.silence && (this.silence = "", this.#options.onchange()), !this.#channel && (this.#next = setTimeout(() => this.#flush(), this.#pause), this.#pause = Math.min(this.#pause * 2, LAST_PAUSE));
}
#silent() {
this.silence = "busy", this.#options.onchange(), !this.heard && (this.#silenceTimer = setTimeout(() => {
this.silence = "nobody", this.#options.onchange();
}, NOBODY_AFTER - BUSY_AFTER));
}
#envelope() {
return this.#sent = this.#mailbox.posted, { v: 1, client: this.#options.client, ...this.#mailbox.envelope() };
}
#overChannel(envelope) {
if (this.#channel?.readyState === "open") try {
this.#channel.send(JSON.stringify(envelope));
} catch {
}
}
#overComm(envelope) {
try {
this.#options.comm(envelope);
} catch {
}
}
};
async function preferQuality(sender, track) {
const parameters = sender.getParameters();
if (parameters.encodings.length === 0) return;
const { height = 480 } = track.getSettings();
parameters.encodings[0].maxBitrate = height >= 720 ? 4e6 : 25e5, Object.assign(parameters, { degradationPreference: "maintain-resolution" });
try {
await sender.setParameters(parameters);
} catch (error) {
if (!(error instanceof DOMException && error.name === "NotSupportedError")) throw error;
}
}
function inStereo(sdp) {
const numbers2 = [...sdp.matchAll(/^a=rtpmap:(\d+) opus\//gim)].map(([, number]) => number);
return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, number, parameters) => numbers2.includes(number) ? /\bstereo=/.test(parameters) ? line : `${line};stereo=1;sprop-stereo=1` : line);
}
var CONNECT_WITHIN = 5e3, NO_WAY = "no direct path (UDP) from the page to the kernel: let both be on the same network with no firewall between, or set a TURN server with jupyter_rtc.configure(ice_servers=[...])", NO_RELAY = "no way through a TURN server from the page to the kernel, and no other way is allowed (ice_transport_policy): see jupyter_rtc.doctor()", SLOW = "the page and the kernel reach each other, and the connection is not made yet: this computer, or the kernel's, is busy", MOST_PATIENCE = 5, LATE = 1e3, WebRtcTransport = class {
#lifetime = new AbortController();
#events;
#pc;
#channel;
#plan;
#slots = /* @__PURE__ */ new Map();
#senders = /* @__PURE__ */ new Map();
#captured = {};
#offering = false;
#again = false;
#refusals = /* @__PURE__ */ new Map();
#last;
#deadline;
constructor(epoch, plan, captured, events) {
this.epoch = epoch, this.#plan = plan, this.#captured = captured, this.#events = events, this.#pc = new RTCPeerConnection(configuration(plan)), this.#channel = this.#pc.createDataChannel("control"), this.#listen(), this.#offer();
}
get connected() {
return this.#channel.readyState === "open";
}
track(slot) {
const transceiver = this.#slots.get(slot);
return transceiver?.direction === "inactive" ? void 0 : transceiver?.receiver.track;
}
update(plan) {
JSON.stringify(configuration(plan)) !== JSON.stringify(configuration(this.#plan)) && this.#pc.setConfiguration(configuration(plan)), this.#plan = plan, this.#offering ? this.#again = true : this.#shape() && this.#offer(), this.#events.onchange();
}
capture(captured) {
this.#captured = captured;
for (const kind of this.#senders.keys()) this.#send(kind);
}
async answer({ epoch, description }) {
if (!(epoch !== this.epoch || this.#pc.signalingState !== "have-local-offer")) {
try {
await this.#pc.setRemoteDescription(description);
} catch (error) {
return this.#fail(`the kernel's answer was not understood: ${error}`);
}
this.#lifetime.signal.aborted || (this.#offering = false, this.connected || (clearTimeout(this.#deadline), this.#expire(MOST_PATIENCE)), this.#again && (this.#again = false, this.#shape() && this.#offer()));
}
}
get answered() {
return !!this.#pc.remoteDescription;
}
get reached() {
return ["connected", "completed"].includes(this.#pc.iceConnectionState);
}
#expire(patience) {
const due = Date.now() + CONNECT_WITHIN;
this.#deadline = setTimeout(() => {
(this.reached || Date.now() - due > LATE || this.#events.busy()) && patience > 0 ? this.#expire(patience - 1) : this.#fail(this.reached ? SLOW : this.#noWay());
}, CONNECT_WITHIN);
}
stats() {
return this.#last ?? this.#pc.getStats();
}
close() {
this.#events.onclosing(), this.#lifetime.abort(), clearTimeout(this.#deadline), this.#pc.close();
}
#listen() {
const { signal } = this.#lifetime, { post, onenvelope, onopen, onping } = this.#events, pc = this.#pc, channel = this.#channel;
pc.addEventListener("icecandidate", ({ candidate: candidate2 }) => {
candidate2?.candidate !== "" && post({ type: "candidate", epoch: this.epoch, candidate: candidate2?.toJSON() ?? null });
}, { signal }), pc.addEventListener("icecandidateerror", ({ url, errorCode, errorText }) => {
const words = errorCode >= 700 ? "it did not answer" : `it refused (${errorCode} ${errorText.replace(/\.$/, "")})`;
url && this.#refusals.set(url, words);
}, { signal });
let wasReached = false;
pc.addEventListener("iceconnectionstatechange", () => {
wasReached ||= this.reached, this.#events.onchange();
}, { signal }), pc.addEventListener("connectionstatechange", () => {
pc.connectionState === "failed" && (this.connected ? this.#fail("the connection failed") : this.#fail(wasReached ? SLOW : this.#noWay(), wasReached));
}, { signal }), channel.addEventListener("open", () => {
clearTimeout(this.#deadline), onopen(channel);
}, { signal }), channel.addEventListener("close", () => this.#fail("the control channel was closed"), { signal }), channel.addEventListener("message", ({ data }) => {
const message = JSON.parse(data);
if (!("type" in message)) return onenvelope(message);
message.type === "ping" && (channel.send(JSON.stringify({ type: "pong", time: message.time })), onping());
}, { signal });
}
#shape() {
let changed = false;
const turn = (transceiver, to) => {
transceiver.direction !== to && (transceiver.direction = to, changed = true);
};
for (const { slot, kind } of this.#plan.tracks) {
const known = this.#slots.get(slot);
if (known?.receiver.track.kind === kind) {
turn(known, "recvonly");
continue;
}
known && turn(known, "inactive"), this.#slots.set(slot, this.#receive(kind)), changed = true;
}
const wanted = new Set(this.#plan.tracks.map(({ slot }) => slot));
for (const [slot, transceiver] of this.#slots) wanted.has(slot) || turn(transceiver, "inactive");
const kinds2 = kindsOf(this.#plan.capture);
for (const kind of kinds2) {
const known = this.#senders.get(kind);
if (known) {
turn(known, "sendonly");
continue;
}
this.#senders.set(kind, this.#pc.addTransceiver(kind, { direction: "sendonly" })), this.#send(kind), changed = true;
}
for (const [kind, transceiver] of this.#senders) kinds2.includes(kind) || turn(transceiver, "inactive");
return changed;
}
#receive(kind) {
const { signal } = this.#lifetime, transceiver = this.#pc.addTransceiver(kind, { direction: "recvonly" });
for (const event of ["mute", "unmute", "ended"]) transceiver.receiver.track.addEventListener(event, () => this.#events.onchange(), { signal });
return transceiver;
}
async #send(kind) {
const sender = this.#senders.get(kind)?.sender, track = this.#captured[kind] ?? null;
if (!(!sender || sender.track === track)) try {
await sender.replaceTrack(track), track?.kind === "video" && await preferQuality(sender, track);
} catch (error) {
this.#lifetime.signal.aborted || this.#events.onerror(error);
}
}
async #offer() {
this.#offering = true;
try {
this.#shape();
const { sdp = "" } = await this.#pc.createOffer(), stereo = inStereo(sdp);
await this.#pc.setLocalDescription(stereo === sdp ? void 0 : { type: "offer", sdp: stereo });
} catch (error) {
return this.#fail(`no offer could be made: ${error}`);
}
const description = this.#pc.localDescription;
this.#lifetime.signal.aborted || !description || this.#events.post({ type: "description", epoch: this.epoch, description: { type: "offer", sdp: description.sdp }, slots: mids(this.#slots), capture: mids(this.#senders) });
}
#noWay() {
const refusals = [...this.#refusals].map(([url, words]) => `; ${url}: ${words}`);
return (this.#plan.iceTransportPolicy === "relay" ? NO_RELAY : NO_WAY) + refusals.slice(0, 3).join("");
}
#fail(reason, reached = this.reached) {
this.#lifetime.signal.aborted || (this.#last = this.#pc.getStats(), this.close(), this.#events.onfail(reason, reached));
}
};
function configuration({ iceServers, iceTransportPolicy }) {
return { iceServers, iceTransportPolicy };
}
function kindsOf(wish) {
return ["audio", "video"].filter((kind) => wish?.[kind]);
}
function mids(transceivers) {
const entries = [...transceivers].filter(([, { mid, direction }]) => mid !== null && direction !== "inactive");
return Object.fromEntries(entries.map(([name, { mid }]) => [mid, name]));
}
var AFTER_LOSS = 500, FIRST_RETRY = 2e3, LAST_RETRY = 15e3, Connector = class {
#events;
#plan;
#transport;
#captured = {};
#epoch = 0;
#retry = FIRST_RETRY;
#timer;
#closed = false;
#lastStats;
state = "idle";
constructor(events) {
this.#events = events;
}
track(slot) {
return this.#transport?.track(slot);
}
plan(plan) {
this.#plan = plan, this.#transport ? this.#transport.update(plan) : this.#timer || this.#connect();
}
get answered() {
return this.#transport?.answered ?? false;
}
get reached() {
return this.#transport?.reached ?? false;
}
async stats() {
return this.#transport ? this.#transport.stats() : this.#lastStats;
}
capture(captured) {
this.#captured = captured, this.#transport?.capture(captured);
}
answer(message) {
return this.#transport?.answer(message);
}
refused(reason) {
!this.#transport || this.#transport.connected || (this.#transport.close(), this.#failed(reason));
}
close() {
this.#closed = true, clearTimeout(this.#timer), this.#transport?.close(), this.#transport = void 0, this.state = "idle";
}
#connect() {
if (this.#timer = void 0, this.#closed || !this.#plan) return;
this.#epoch += 1, this.state !== "blocked" && (this.state = "connecting");
const events = { post: this.#events.post, onchange: () => {
this.state === "blocked" && this.reached && (this.state = "connecting"), this.#events.onchange();
}, onclosing: this.#events.onclosing, onenvelope: this.#events.onenvelope, onping: this.#events.onping, onerror: this.#events.onerror, busy: this.#events.busy, onopen: (channel) => {
this.state = "connected", this.#retry = FIRST_RETRY, this.#events.onchannel(channel), this.#events.onchange();
}, onfail: (reason, reached) => this.#failed(reason, reached) };
try {
this.#transport = new WebRtcTransport(this.#epoch, this.#plan, this.#captured, events);
} catch (error) {
this.#failed(error instanceof Error ? error.message : String(error));
return;
}
this.#events.onchange();
}
#failed(reason, reached = false) {
const lost4 = this.state === "connected";
this.state = lost4 || reached ? "connecting" : "blocked", this.#lastStats = this.#transport?.stats(), this.#transport = void 0, this.#events.onchannel(null), this.#events.post({ type: "failed", epoch: this.#epoch, reason }), this.#timer = setTimeout(() => this.#connect(), lost4 ? AFTER_LOSS : this.#retry), lost4 || (this.#retry = Math.min(this.#retry * 2, LAST_RETRY)), this.#events.onchange();
}
}, GONE_AFTER = 5e3, SLEPT = 1e3, Visit = class {
client = randomName();
#courier;
#connector;
#ongone;
#onforgotten;
#watchdog;
constructor({ slow, comm, deliver, onchange, onclosing, ongone, onforgotten, onerror }) {
this.#ongone = ongone, this.#onforgotten = onforgotten, this.#courier = new Courier({ client: this.client, comm, deliver, onchange, slow }), this.#connector = new Connector({ post: (message) => this.post(message), onchange, onclosing, onerror, onchannel: (channel) => {
this.#courier.use(channel), channel && this.#alive(true);
}, onenvelope: (envelope) => {
this.#alive(), this.#courier.receive(envelope, "channel");
}, onping: () => this.#alive(), busy: () => this.silence !== "" });
}
get heard() {
return this.#courier.heard;
}
get silence() {
return this.#courier.silence;
}
get connection() {
return this.#connector.state;
}
get reached() {
return this.#connector.reached;
}
get answered() {
return this.#connector.answered;
}
stats() {
return this.#connector.stats();
}
track(slot) {
return this.#connector.track(slot);
}
post(message) {
this.#courier.post(message);
}
receive(envelope) {
envelope?.v !== 1 || envelope.to !== this.client || (this.#alive(), envelope.unknown ? this.#onforgotten() : this.#courier.receive(envelope, "comm"));
}
plan(plan) {
this.#connector.plan(plan);
}
answer(message) {
this.#connector.answer(message);
}
refused(reason) {
this.#connector.refused(reason);
}
capture(tracks) {
this.#connector.capture(tracks);
}
close(message) {
this.#courier.close(message), this.abandon();
}
abandon() {
clearTimeout(this.#watchdog), this.#courier.abandon(), this.#connector.close();
}
#alive(begin = false) {
!begin && this.#watchdog === void 0 || this.#watch(false);
}
#watch(awoken) {
clearTimeout(this.#watchdog);
const due = Date.now() + GONE_AFTER;
this.#watchdog = setTimeout(() => {
!awoken && Date.now() - due > SLEPT ? this.#watch(true) : this.#ongone();
}, GONE_AFTER);
}
};
function randomName() {
const bytes = crypto.getRandomValues(new Uint8Array(12));
return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
var LATE_AFTER = 5e3, REPORT_WITHIN = 2e3, GRACE = 1500, LOOK = 1e3, RESUME_WITHIN = 6e4, Session = class extends EventTarget {
#model;
#lifetime = new AbortController();
#views = /* @__PURE__ */ new Set();
#grace;
#lookout;
#missed = 0;
#output;
#visit;
#gone = false;
#plan;
#wish = {};
#notices = /* @__PURE__ */ new Map();
#clicked = false;
#resuming = false;
#tooLate;
#patience = new Patience(LATE_AFTER, () => this.#changed());
#changing = false;
#onreport = () => {
};
constructor(model) {
super(), this.#model = model, this.capture = new Capture((message) => this.#visit?.post(message), () => {
this.#visit?.capture(this.capture.tracks), this.#changed();
}, model.widget_manager);
const onMessage = (content) => this.#visit?.receive(content), onLive = () => this.#commChanged();
model.on("msg:custom", onMessage), model.on("comm_live_update", onLive), this.#lifetime.signal.addEventListener("abort", () => {
model.off("msg:custom", onMessage), model.off("comm_live_update", onLive);
});
}
get state() {
const tracks = /* @__PURE__ */ new Map();
for (const planned of this.#plan?.tracks ?? []) {
const track = this.#visit?.track(planned.slot);
track && tracks.set(planned.slot, { ...planned, track, muted: track.muted });
}
return { link: this.#link, delay: this.#patience.late ? this.#delay : "", tracks, tiles: this.#plan?.tiles ?? [], notices: [...this.#notices.values()], wish: this.#wish };
}
get #delay() {
return this.#visit?.answered ? this.#visit.reached ? "computer" : "network" : "kernel";
}
attach(el) {
return clearTimeout(this.#grace), this.#views.add(el), this.#lookout ??= setInterval(() => this.#look(), LOOK), this.#visit || this.#begin(), () => {
!this.#views.delete(el) || this.#views.size > 0 || (this.#grace = setTimeout(() => this.#end(), GRACE));
};
}
#look() {
this.#views.size === 0 && (clearInterval(this.#lookout), this.#lookout = void 0);
const there = [...this.#views].some((el) => el.isConnected);
this.#missed = there || !this.#output?.isConnected ? 0 : this.#missed + 1, there && !this.#visit ? this.#begin() : this.#missed > 1 && this.#end();
}
startCapture() {
const wish = this.#plan?.capture;
if (wish) {
this.capture.start(wish, "page");
return;
}
this.#clicked = true, this.#visit?.post({ type: "capture", state: "starting", by: "page" }), this.#changed();
}
stopCapture() {
this.#clicked = false, this.capture.stop("page");
}
async stats() {
return this.#visit?.stats();
}
async report(sentence) {
const kernel = this.#askKernel(), entries = [...(await this.stats())?.values() ?? []];
return describe({ sentence, link: this.#link, entries, kernel: await kernel });
}
#askKernel() {
return new Promise((resolve) => {
this.#onreport = resolve, this.#visit?.post({ type: "report" }), setTimeout(() => resolve(""), REPORT_WITHIN);
});
}
get asking() {
return this.#clicked;
}
close() {
clearTimeout(this.#grace), clearInterval(this.#lookout), this.#views.clear(), this.#end(), this.capture.close(), this.#lifetime.abort();
}
get #link() {
const visit = this.#visit;
return visit ? this.#gone ? "gone" : this.#commDead ? visit.heard ? "gone" : "none" : visit.connection === "connected" ? "connected" : visit.silence ? visit.silence === "busy" ? "busy" : "none" : visit.connection === "blocked" && this.#plan?.iceTransportPolicy === "relay" ? "unrelayed" : visit.connection === "idle" ? "waiting" : visit.connection : "waiting";
}
get #commDead() {
const { comm_live } = this.#model;
return comm_live !== void 0 ? !comm_live : "comm" in this.#model ? this.#model.comm === void 0 : [...this.#views].some((el) => el.closest(".jupyter-widgets-disconnected"));
}
#begin({ gone = false, resumes = "" } = {}) {
this.#gone = gone, this.#resuming = this.capture.on, this.#visit = new Visit({ slow: gone || this.#commDead, comm: (envelope) => this.#model.send(envelope), deliver: (message) => this.#deliver(message), onchange: () => this.#changed(), onclosing: () => this.dispatchEvent(new Event("closing")), ongone: () => this.#lost(), onforgotten: () => this.#forgotten(), onerror: (error) => this.#fault(error) }), this.#visit.post({ type: "hello", secure: globalThis.isSecureContext, origin: globalThis.location?.origin ?? "", agent: navigator.userAgent ?? "", ...resumes && { resumes } }), this.capture.on && this.#visit.capture(this.capture.tracks), this.#changed();
}
#end() {
this.#visit && (this.capture.drop(), this.#visit.close({ type: "bye", cleared: this.#output?.isConnected ?? false }), this.#forget());
}
#forgotten() {
const resumes = this.capture.on ? this.#visit?.client : "";
this.#visit?.close({ type: "bye" }), this.#forget(), this.#begin({ resumes });
}
#lost() {
const resumes = this.capture.on ? this.#visit?.client : "";
this.#gone = true, this.dispatchEvent(new Event("closing")), this.capture.drop(), this.#visit?.close({ type: "bye" }), this.#forget(), this.#views.size !== 0 && (this.#begin({ gone: true, resumes }), resumes && (this.#tooLate = setTimeout(() => this.#beginAgain(true), RESUME_WITHIN)));
}
#beginAgain(gone) {
gone && !this.#gone || (this.#visit?.abandon(), this.#forget(), this.#begin({ gone }));
}
#forget() {
clearTimeout(this.#tooLate), this.#visit = void 0, this.#patience.watch(false), this.#plan = void 0, this.#clicked = false, this.#notices.clear();
}
#commChanged() {
queueMicrotask(() => {
this.#visit && (this.#commDead ? !this.#gone && this.#visit.heard && this.#lost() : (this.#gone || !this.#visit.heard) && this.#beginAgain(false), this.#changed());
});
}
#deliver(message) {
switch (this.#gone = false, message.type) {
case "plan":
this.#plan = message, message.capture && (this.#wish = message.capture), this.#visit?.plan(message), this.#follow(message);
break;
case "description":
this.#visit?.answer(message);
break;
case "capture":
message.command === "start" ? (this.#wish = message.wish, this.#resuming && this.capture.on ? this.capture.report() : this.capture.start(message.wish, "kernel"), this.#resuming = false) : this.capture.stop("kernel");
break;
case "notice":
this.#note(message);
break;
case "report":
this.#onreport(message.text);
break;
case "void":
break;
case "error":
this.#note({ key: "refused", level: "error", text: message.message, detail: "" }), this.#visit?.refused(message.message);
break;
default: {
const { type } = message;
this.#visit?.post({ type: "error", message: `unknown message type ${JSON.stringify(type)}` });
}
}
this.#changed();
}
#follow(plan) {
this.#resuming && !plan.owns && (this.#resuming = false, this.capture.drop()), plan.capture && this.#clicked ? (this.#clicked = false, this.capture.start(plan.capture, "page")) : !plan.capture && this.capture.on && this.capture.stop("kernel");
}
#note({ key, level, text, detail }) {
text ? this.#notices.set(key, { key, level, text, detail }) : this.#notices.delete(key);
}
#fault(error) {
const text = error instanceof Error || error instanceof DOMException ? error.message : String(error);
this.#note({ key: "page", level: "error", text, detail: "" }), this.#visit?.post({ type: "error", message: text }), this.#changed();
}
#changed() {
this.#patience.watch(this.#visit !== void 0 && this.#link !== "connected"), !this.#changing && (this.#changing = true, queueMicrotask(() => {
this.#changing = false;
for (const el of this.#views) this.#output = el.closest(".jp-OutputArea") ?? this.#output;
this.dispatchEvent(new Event("change"));
}));
}
};
function create(tag, attributes = {}, ...children) {
const element = document.createElement(tag);
for (const [name, value] of Object.entries(attributes)) value === void 0 || value === false || (name === "text" ? element.textContent = String(value) : element.setAttribute(name, value === true ? "" : value));
return element.append(...children), element;
}
var ICONS = { camera: "M3 7h11v10H3zM14 11l7-4v10l-7-4z", "camera-off": "M3 7h11v10H3zM14 11l7-4v10l-7-4zM3 3l18 18", microphone: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3", "microphone-off": "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3M3 3l18 18", start: "M7 4l13 8-13 8z", stop: "M5 5h14v14H5z", sound: "M4 9v6h4l5 4V5L8 9zM16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12", "sound-off": "M4 9v6h4l5 4V5L8 9zM17 9.5l5 5M22 9.5l-5 5", fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5", screen: "M3 4h18v12H3zM8 20h8M12 16v4", statistics: "M4 20v-6M10 20V9M16 20v-9M22 20H2M20 20V5", picture: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M15.5 9h.01" };
function icon(name) {
const namespace = "http://www.w3.org/2000/svg", svg = document.createElementNS(namespace, "svg");
svg.setAttribute("viewBox", "0 0 24 24"), svg.setAttribute("aria-hidden", "true"), svg.setAttribute("class", "jrtc-icon");
const path = document.createElementNS(namespace, "path");
return path.setAttribute("d", ICONS[name]), svg.append(path), svg;
}
var Button = class {
element = create("button", { type: "button", class: "jrtc-button" });
#icon = "";
constructor(onclick, signal) {
this.element.addEventListener("click", onclick, { signal });
}
show(name, label) {
this.#icon !== name && this.element.replaceChildren(icon(name)), this.#icon = name, this.element.setAttribute("aria-label", label), this.element.title = label, this.element.hidden = false;
}
hide() {
this.element.hidden = true;
}
}, DeviceChoice = class {
element;
#listed = "";
constructor(kind, onchoose, signal) {
this.kind = kind;
const label = kind === "video" ? "Camera" : "Microphone";
this.element = create("select", { class: "jrtc-select", "aria-label": label, title: label, hidden: true }), this.element.addEventListener("change", () => onchoose(this.element.value), { signal });
}
show(devices, chosen) {
const mine = devices.filter(({ kind }) => kind === this.kind);
this.element.hidden = mine.length < 2;
const listed = JSON.stringify(mine);
if (listed !== this.#listed) {
this.#listed = listed;
const options = mine.map(({ deviceId, label }, i) => create("option", { value: deviceId, text: label || `${this.element.title} ${i + 1}` }));
this.element.replaceChildren(...options);
}
chosen !== void 0 && this.element.value !== chosen && (this.element.value = chosen);
}
};
function statisticsButton(model, signal) {
const button = new Button(() => {
model.set("show_stats", !model.get("show_stats")), model.save_changes();
}, signal), update = () => {
const on = !!model.get("show_stats");
button.show("statistics", on ? "Hide the statistics" : "Show the statistics"), button.element.setAttribute("aria-pressed", String(on));
};
return model.on("change:show_stats", update), signal.addEventListener("abort", () => model.off("change:show_stats", update)), update(), button;
}
function fullscreenButton(stage, signal) {
const button = new Button(() => {
document.fullscreenElement === stage ? document.exitFullscreen() : stage.requestFullscreen();
}, signal);
return document.fullscreenEnabled ? button.show("fullscreen", "Full screen") : button.hide(), button;
}
var CALM = 500, Meter = class {
#level = create("div", { class: "jrtc-level" });
element = create("div", { class: "jrtc-meter", "aria-hidden": "true", hidden: true }, this.#level);
#signal;
#track;
#listening;
constructor(signal) {
this.#signal = signal, signal.addEventListener("abort", () => this.#listening?.abort());
}
listen(track) {
if (track === this.#track || this.#signal.aborted || (this.#track = track, this.#listening?.abort(), this.element.hidden = !track, !track)) return;
this.#listening = new AbortController();
const { signal } = this.#listening, begin = () => measure(track, this.#level, signal);
if (navigator.userActivation?.hasBeenActive ?? true) begin();
else for (const event of ["pointerup", "keyup"]) document.addEventListener(event, begin, { once: true, signal });
}
};
function measure(track, level, signal) {
const context = new AudioContext(), analyser = new AnalyserNode(context, { fftSize: 1024 });
context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
const samples = new Float32Array(analyser.fftSize), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
let last = 0, frame = 0;
const draw = (now) => {
if (frame = requestAnimationFrame(draw), calm && now - last < CALM) return;
last = now, analyser.getFloatTimeDomainData(samples);
const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length, decibels = 10 * Math.log10(power + 1e-9);
level.style.transform = `scaleX(${Math.min(Math.max(1 + decibels / 60, 0), 1).toFixed(3)})`;
};
frame = requestAnimationFrame(draw), signal.addEventListener("abort", () => {
cancelAnimationFrame(frame), context.close();
});
}
var Picture = class {
video = create("video", { class: "jrtc-video", autoplay: true, playsinline: true });
#still = create("canvas", { class: "jrtc-still", "aria-hidden": "true" });
#empty = create("div", { class: "jrtc-empty", "aria-hidden": "true" });
hear = create("button", { type: "button", class: "jrtc-action jrtc-hear", text: "Click to hear", hidden: true });
element = create("div", { class: "jrtc-stage" }, this.#empty, this.#still, this.video, this.hear);
#stream = new MediaStream();
#onchange;
#muted = true;
#symbol = "";
playing = false;
ratio = 4 / 3;
constructor(onchange, signal) {
this.#onchange = onchange;
const video = this.video;
video.muted = true;
for (const event of ["loadeddata", "playing", "resize"]) video.addEventListener(event, () => this.#arrived(), { signal });
const sizes = new ResizeObserver(() => {
video.paused && video.isConnected && this.#play();
});
sizes.observe(this.element), signal.addEventListener("abort", () => sizes.disconnect()), this.hear.addEventListener("click", () => this.#setMuted(false), { signal }), signal.addEventListener("abort", () => {
video.srcObject = null;
});
}
get size() {
const { videoWidth, videoHeight } = this.video;
return videoWidth > 0 ? `${videoWidth}×${videoHeight}` : "";
}
get hasSound() {
return this.#stream.getAudioTracks().length > 0;
}
symbol(name) {
this.#symbol !== name && this.#empty.replaceChildren(icon(name)), this.#symbol = name;
}
show(tracks) {
const wanted = tracks.filter((track) => !track.muted && track.readyState === "live"), shown = this.#stream.getTracks();
if (!(wanted.length === 0 || same2(wanted, shown))) {
if (shown.some((track) => wanted.includes(track))) {
this.#keepStill();
for (const track of shown) wanted.includes(track) || this.#stream.removeTrack(track);
for (const track of wanted) this.#stream.addTrack(track);
} else this.freeze(), this.#stream = new MediaStream(wanted), this.video.srcObject = this.#stream;
this.#play();
}
}
#keepStill() {
const { videoWidth, videoHeight } = this.video;
videoWidth !== 0 && (this.#still.width = videoWidth, this.#still.height = videoHeight, this.#still.getContext("2d")?.drawImage(this.video, 0, 0));
}
expect({ width, height }) {
width && height && !("seen" in this.element.dataset) && (this.ratio = width / height);
}
freeze() {
this.#keepStill(), this.#stream = new MediaStream(), this.video.srcObject = null;
}
clear() {
this.#stream.getTracks().length === 0 && !this.playing || (this.#stream = new MediaStream(), this.video.srcObject = null, this.#still.width = 0, this.playing = false, delete this.element.dataset.seen);
}
mute(muted) {
muted !== this.#muted && this.#setMuted(muted);
}
#setMuted(muted) {
this.#muted = muted, this.video.muted = muted, this.hear.hidden = true, this.#play();
}
async #play() {
if (this.#stream.getTracks().length !== 0) try {
await this.video.play();
} catch (error) {
if (error instanceof DOMException && error.name === "AbortError") return;
if (!(error instanceof DOMException && error.name === "NotAllowedError")) throw error;
if (this.video.muted) return;
this.video.muted = true, this.hear.hidden = false, this.#play();
}
}
#arrived() {
const { videoWidth, videoHeight } = this.video;
if (videoWidth > 0) this.ratio = videoWidth / videoHeight, this.element.dataset.seen = "", this.video.classList.toggle("jrtc-pixels", videoWidth < 128);
else if (this.#stream.getVideoTracks().length > 0) return;
this.playing = true, this.#onchange();
}
};
function same2(some, others) {
return some.length === others.length && some.every((track) => others.includes(track));
}
function obstacle4(link) {
switch (link) {
case "none":
return { tone: "off", text: "No answer from a kernel: live pictures need a running one" };
case "gone":
return { tone: "error", text: "Kernel gone, or started anew: run the cell again" };
case "busy":
return { tone: "waiting", text: "Waiting for the kernel: a cell is running" };
case "blocked":
return { tone: "error", text: `No direct path (UDP) to the kernel: ${remedy()}, or set a TURN server with jupyter_rtc.configure(ice_servers=…)` };
case "unrelayed":
return { tone: "error", text: "No way to the kernel through a TURN server, and no other is allowed: jupyter_rtc.doctor() tells what is wrong with it" };
default:
return;
}
}
function remedy() {
return ["localhost", "127.0.0.1", "[::1]"].includes(globalThis.location?.hostname ?? "") ? "if it is behind a tunnel or in a container, let UDP pass there" : "use the same network and no firewall between";
}
function connecting(delay) {
switch (delay) {
case "kernel":
return { tone: "waiting", text: "Connecting to the kernel takes long: it has not answered yet, because a cell keeps it busy or the line to it is slow" };
case "network":
return { tone: "waiting", text: "Connecting to the kernel takes long: it has answered, and no way (UDP) to it was found yet. A firewall may be between" };
case "computer":
return { tone: "waiting", text: "Connecting to the kernel takes long: it is reached, and this computer or the kernel's is busy" };
default:
return { tone: "waiting", text: "Connecting to the kernel" };
}
}
function describePlayer({ link, delay = "", planned, playing, what, source: source2 = "live", why = "", troubled = false }) {
const hindered = obstacle4(link);
return hindered || (link !== "connected" ? playing && !delay ? { tone: "waiting", text: "Connecting again" } : connecting(delay) : planned ? source2 === "ended" ? { tone: "off", text: "Ended" } : source2 === "muted" ? { tone: "off", text: `${playing ? "Paused" : "Waiting"}${why ? `: ${why}` : ""}` } : playing ? troubled ? { tone: "warning", text: "Live, with an error" } : { tone: "live", text: "Live" } : { tone: "waiting", text: what === "picture" ? "Waiting for the first picture" : "Waiting for sound" } : { tone: "off", text: "Nothing to play" });
}
function describeCamera({ link, delay = "", state, error, note = "", words, invites = false, asking, elsewhere, playing, source: source2 = "live", why = "" }) {
if (state === "error" && error) return { tone: error.name === "NotAllowedError" ? "warning" : "error", text: upper(error.message) };
const { name } = words;
if (invites) return { tone: "waiting", text: `Press “${words.start}”, and choose what is to be seen` };
if (state === "starting") return { tone: "waiting", text: note ? upper(note) : words.asking };
const hindered = obstacle4(link);
return hindered || (state === "live" ? link === "connected" ? { tone: "live", text: "Live" } : delay ? connecting(delay) : { tone: "waiting", text: `${upper(name)} on, connecting to the kernel` } : asking ? { tone: "waiting", text: words.asking } : elsewhere ? playing && source2 === "live" ? { tone: "live", text: `Live from another page's ${name}` } : { tone: "waiting", text: `Waiting for another page's ${name}${why ? `: ${why}` : ""}` } : link !== "connected" ? connecting(delay) : { tone: "off", text: words.off });
}
function describeConnection({ link, connectionState, left = false }) {
switch (connectionState) {
case "failed":
return left ? { tone: "off", text: "The other side has closed the connection" } : { tone: "error", text: "Connection failed" };
case "closed":
return { tone: "off", text: "Connection closed" };
case "disconnected":
return { tone: "warning", text: "Connection interrupted" };
case "connected":
return obstacle4(link) ?? { tone: "live", text: "Connected" };
case "connecting":
return obstacle4(link) ?? { tone: "waiting", text: "Connecting" };
default:
return obstacle4(link) ?? { tone: "off", text: "Not connected yet" };
}
}
function upper(text) {
return text.charAt(0).toUpperCase() + text.slice(1);
}
var StateLine = class {
#dot = create("span", { class: "jrtc-dot", "aria-hidden": "true" });
#text = create("span", { class: "jrtc-sentence", role: "status", "aria-live": "polite" });
#numbers = create("span", { class: "jrtc-numbers", "aria-hidden": "true" });
element = create("div", { class: "jrtc-line" }, this.#dot, this.#text, this.#numbers);
say({ tone, text }) {
this.element.dataset.tone = tone, this.#text.textContent !== text && (this.#text.textContent = text, this.#text.title = text);
}
count(text) {
this.#numbers.textContent !== text && (this.#numbers.textContent = text);
}
}, Notices = class {
element = create("div", { class: "jrtc-notices" });
#shown = "";
show(notices) {
const shown = JSON.stringify(notices);
shown !== this.#shown && (this.#shown = shown, this.element.replaceChildren(...notices.map(render)));
}
};
function render({ level, text, detail }) {
const sentence = create("div", { class: "jrtc-notice-text", role: level === "error" ? "alert" : "status", text }), notice = create("div", { class: "jrtc-notice", "data-level": level }, sentence);
if (detail) {
const summary = create("summary", { text: "Details" });
notice.append(create("details", {}, summary, create("pre", { text: detail, tabindex: "0" })));
}
return notice;
}
var Shell = class {
#line = new StateLine();
#copy = create("button", { type: "button", class: "jrtc-copy", text: "Copy report", hidden: true });
#sentence = "";
#notices = new Notices();
#model;
#session;
#name;
buttons = create("div", { class: "jrtc-buttons" });
bar = create("div", { class: "jrtc-bar" }, this.#line.element, this.#copy, this.buttons);
element = create("div", { class: "jrtc", role: "group" });
constructor({ model, session, el, signal }, name, ...content) {
this.#model = model, this.#session = session, this.#name = name, this.element.append(...content, this.bar, this.#notices.element), el.classList.add("jrtc-host"), el.append(this.element), this.#copy.title = "Why it does not connect, as text for somebody who is to help. It contains addresses", this.#copy.addEventListener("click", () => this.#report(), { signal }), signal.addEventListener("abort", () => this.element.remove());
}
show(sentence, { ratio = 4 / 3, numbers: numbers2 = "" } = {}) {
const { element } = this, width = this.#model.get("width"), height = this.#model.get("height");
element.setAttribute("aria-label", this.#model.get("label") || this.#name), element.dataset.tone = sentence.tone, element.dataset.controls = this.#model.get("controls") === false ? "no" : "yes", element.style.setProperty("--jrtc-ratio", String(width && height ? width / height : ratio)), width ? element.style.setProperty("--jrtc-width", `${width}px`) : height ? element.style.setProperty("--jrtc-width", `${Math.round(height * ratio)}px`) : element.style.removeProperty("--jrtc-width");
const { link, delay } = this.#session.state;
element.dataset.link = link, this.#copy.hidden = !["blocked", "unrelayed", "busy"].includes(link) && !(delay && link !== "none"), this.#copy.hidden && (this.#copy.textContent = "Copy report"), this.#sentence = sentence.text, this.#line.say(sentence), this.#line.count(numbers2), this.#notices.show(this.#session.state.notices), element.title = this.#model.get("tooltip") ?? "";
const disabled = !!this.#model.get("disabled");
for (const tag of ["button", "select"]) for (const control of element.querySelectorAll(tag)) control.disabled = disabled;
}
async #report() {
const text = await this.#session.report(this.#sentence);
try {
await copy(text), this.#copy.textContent = "Copied";
} catch {
const pre = create("pre", { class: "jrtc-report", text, tabindex: "0" });
this.#copy.replaceWith(pre);
}
}
};
function keepUpdated({ session, model, signal }, names, update) {
const traits = [...names, "disabled", "tooltip"];
session.addEventListener("change", update, { signal });
for (const name of traits) model.on(`change:${name}`, update);
signal.addEventListener("abort", () => {
for (const name of traits) model.off(`change:${name}`, update);
}), update();
}
function saveMuted(model, muted) {
model.set("muted", muted), model.save_changes();
}
var EVERY = 1e3, KEPT = 60, WIDTH = 96, HEIGHT = 20, ROWS = [{ name: "fps", title: "pictures", meaning: "Pictures a second", text: (value) => `${Math.round(value)}/s` }, { name: "delay", title: "delay", meaning: "Half the round trip, and the time in the browser's buffer", text: (value) => `${Math.round(value * 1e3)} ms` }, { name: "bitrate", title: "bit rate", meaning: "Of the media, without overhead", text: (value) => value < 1e6 ? `${Math.round(value / 1e3)} kb/s` : `${(value / 1e6).toFixed(1)} Mb/s` }, { name: "drops", title: "drops", meaning: "Packets lost and pictures dropped, since it began", text: (value) => String(value) }], Statistics = class {
element = create("div", { class: "jrtc-stats", hidden: true });
#session;
#rows = /* @__PURE__ */ new Map();
#before;
#timer;
#signal;
constructor(session, signal) {
this.#session = session, this.#signal = signal;
for (const { name, title, meaning } of ROWS) {
const value = create("span", { class: "jrtc-value", text: "–" }), { svg, line } = spark(), row = create("div", { class: "jrtc-stat", title: meaning }, create("span", { class: "jrtc-what", text: title }), value, svg);
this.#rows.set(name, { value, row, line, history: [] }), this.element.append(row);
}
signal.addEventListener("abort", () => clearInterval(this.#timer));
}
show(on) {
this.element.hidden = !on, !(on === (this.#timer !== void 0) || this.#signal.aborted) && (clearInterval(this.#timer), this.#timer = void 0, this.#before = void 0, on && (this.#timer = setInterval(() => this.#count(), EVERY), this.#count()));
}
async #count() {
const report = await this.#session.stats(), counts = report && countsOf(report.values()), numbers2 = counts && this.#before ? numbersOf(counts, this.#before) : {};
this.#before = counts;
for (const { name, text } of ROWS) {
const row = this.#rows.get(name);
if (!row) continue;
const value = numbers2[name];
row.value.textContent = value === void 0 ? "–" : text(value), row.history.push(value ?? 0), row.history.splice(0, row.history.length - KEPT), row.line.setAttribute("points", pointsOf(name === "drops" ? steps(row.history) : row.history));
}
}
};
function countsOf(entries) {
const all = [...entries], flows = all.filter(({ type }) => type === "inbound-rtp" || type === "outbound-rtp"), rank = ({ kind, type }) => (kind === "video" ? 0 : 2) + (type === "inbound-rtp" ? 0 : 1), active = flows.filter((entry) => (entry.bytesReceived ?? entry.bytesSent ?? 0) > 0), [flow] = active.sort((a, b) => rank(a) - rank(b));
if (!flow) return;
const trip = all.find(({ type, nominated }) => type === "candidate-pair" && nominated)?.currentRoundTripTime, incoming = flow.type === "inbound-rtp", told = all.find(({ type, localId }) => type === "remote-inbound-rtp" && localId === flow.id);
return { at: flow.timestamp / 1e3, frames: incoming ? flow.framesDecoded : flow.framesSent, bytes: incoming ? flow.bytesReceived : flow.bytesSent, held: incoming ? flow.jitterBufferDelay ?? 0 : 0, emitted: incoming ? flow.jitterBufferEmittedCount ?? 0 : 0, drops: incoming ? Math.max(0, flow.packetsLost ?? 0) + (flow.framesDropped ?? 0) : Math.max(0, told?.packetsLost ?? 0), trip };
}
function numbersOf(now, before) {
const seconds = now.at - before.at;
if (seconds <= 0 || now.bytes < before.bytes) return { drops: now.drops };
const emitted = now.emitted - before.emitted, held = emitted > 0 ? (now.held - before.held) / emitted : 0;
return { ...now.frames !== void 0 && { fps: (now.frames - (before.frames ?? 0)) / seconds }, ...now.trip !== void 0 && { delay: now.trip / 2 + held }, bitrate: (now.bytes - before.bytes) * 8 / seconds, drops: now.drops };
}
function steps(values) {
return values.map((value, i) => i > 0 ? Math.max(0, value - values[i - 1]) : 0);
}
function pointsOf(values) {
const top = Math.max(...values, 1e-9), y = (value) => HEIGHT - 1 - value / top * (HEIGHT - 2), x = (i) => WIDTH - (values.length - 1 - i) * WIDTH / (KEPT - 1);
return values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
}
function spark() {
const namespace = "http://www.w3.org/2000/svg", svg = document.createElementNS(namespace, "svg");
svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`), svg.setAttribute("class", "jrtc-spark"), svg.setAttribute("preserveAspectRatio", "none"), svg.setAttribute("aria-hidden", "true");
const line = document.createElementNS(namespace, "polyline");
return svg.append(line), { svg, line };
}
function mountPlayer(context) {
const { session, model, signal } = context, picture = new Picture(() => update(), signal);
picture.symbol("picture");
const shell = new Shell(context, "Live video", picture.element), sound = new Button(() => saveMuted(model, !model.get("muted")), signal), statistics = new Statistics(session, signal);
shell.bar.after(statistics.element), shell.buttons.append(sound.element, statisticsButton(model, signal).element), shell.buttons.append(fullscreenButton(picture.element, signal).element);
function update() {
const { link, delay, tracks, notices } = session.state, all = [...tracks.values()];
picture.expect(all.find(({ kind }) => kind === "video") ?? {}), picture.show(all.map(({ track }) => track)), picture.mute(model.get("muted")), picture.element.classList.toggle("jrtc-mirror", model.get("mirror")), all.some(({ kind }) => kind === "audio") ? model.get("muted") ? sound.show("sound-off", "Sound on") : sound.show("sound", "Sound off") : sound.hide();
const sentence = describePlayer({ link, delay, planned: all.length > 0, playing: picture.playing, what: all.some(({ kind }) => kind === "video") ? "picture" : "sound", ...source(all), troubled: notices.some(({ level }) => level === "error") });
statistics.show(!!model.get("show_stats")), shell.show(sentence, { ratio: picture.ratio, numbers: numbers(model, picture) });
}
session.addEventListener("closing", () => picture.freeze(), { signal }), keepUpdated(context, ["muted", "mirror", "controls", "label", "width", "height", "show_stats"], update);
}
function source(tracks) {
const silent = tracks.every(({ state }) => state !== "live") ? tracks[0] : void 0;
return { source: silent?.state ?? "live", why: silent?.why ?? "" };
}
function numbers(model, picture) {
return !model.get("show_stats") || !picture.playing || !picture.size ? "" : picture.size;
}
function mountAudio(context) {
const { session, model, signal } = context, player = new Picture(() => update(), signal), meter = new Meter(signal), shell = new Shell(context, "Live sound", player.element);
player.element.hidden = true, shell.element.classList.add("jrtc-compact");
const sound = new Button(() => saveMuted(model, !model.get("muted")), signal);
shell.bar.prepend(sound.element), shell.buttons.append(player.hear, meter.element);
function update() {
const { link, delay, tracks, notices } = session.state, all = [...tracks.values()].filter(({ kind }) => kind === "audio");
player.show(all.map(({ track }) => track)), player.mute(model.get("muted")), meter.listen(all.find(({ muted }) => !muted)?.track), model.get("muted") ? sound.show("sound-off", "Sound on") : sound.show("sound", "Sound off");
const sentence = describePlayer({ link, delay, planned: all.length > 0, playing: player.playing, what: "sound", ...source(all), troubled: notices.some(({ level }) => level === "error") });
shell.show(sentence);
}
keepUpdated(context, ["muted", "controls", "label", "width"], update);
}
var EXPECTED = { microphone: { audio: true }, screen: { video: true, source: "screen" }, capture: { video: true, source: "element" } };
function mountCamera(context) {
const { session, model, signal } = context, { capture } = session, picture = new Picture(() => update(), signal), meter = new Meter(signal), player = model.get("_player");
picture.symbol(player === "screen" ? "screen" : player === "capture" ? "picture" : "camera");
const shell = new Shell(context, player === "microphone" ? "Microphone" : "Camera", picture.element), action = create("button", { type: "button", class: "jrtc-action", hidden: true });
picture.element.append(action), action.addEventListener("click", () => session.startCapture(), { signal });
const power = new Button(() => capture.on ? session.stopCapture() : session.startCapture(), signal), microphone = new Button(() => capture.muteMicrophone(!capture.microphoneMuted), signal), sound = new Button(() => saveMuted(model, !model.get("muted")), signal), choices = ["video", "audio"].map((kind) => new DeviceChoice(kind, (deviceId) => capture.switch(deviceId), signal)), full = fullscreenButton(picture.element, signal);
shell.buttons.append(meter.element, ...choices.map(({ element }) => element)), shell.buttons.append(microphone.element, sound.element, power.element);
const statistics = new Statistics(session, signal);
shell.bar.after(statistics.element), shell.buttons.append(statisticsButton(model, signal).element, full.element);
function update() {
const { link, delay, tracks, wish } = session.state, remote = [...tracks.values()], elsewhere = remote.length > 0 && !capture.on && !session.asking, wanted = kinds(wish).length > 0 ? wish : EXPECTED[player] ?? { video: true }, words = wordsOf(wanted);
showPicture(elsewhere ? remote.map(({ track }) => track) : void 0), picture.element.classList.toggle("jrtc-mirror", model.get("mirror")), picture.element.hidden = !wanted.video, shell.element.classList.toggle("jrtc-compact", !wanted.video), meter.listen(capture.tracks.audio), full.element.hidden ||= !wanted.video;
const sentence = describeCamera({ link, delay, state: capture.state, error: capture.error, note: capture.note, words, invites: capture.invites, asking: session.asking, elsewhere, playing: picture.playing, ...source(remote) }), startable = (!capture.on || capture.invites) && !session.asking && link !== "gone" && link !== "none";
action.textContent = elsewhere ? words.take : words.start, action.hidden = !startable || model.get("controls") === false, action.classList.toggle("jrtc-corner", elsewhere), capture.on ? power.show("stop", words.stop) : startable && !elsewhere ? power.show("start", words.start) : power.hide(), capture.tracks.audio ? capture.microphoneMuted ? microphone.show("microphone-off", "Microphone on") : microphone.show("microphone", "Microphone off") : microphone.hide(), !elsewhere || !remote.some(({ kind }) => kind === "audio") ? sound.hide() : model.get("muted") ? sound.show("sound-off", "Sound on") : sound.show("sound", "Sound off");
for (const choice of choices) {
const chosen = capture.tracks[choice.kind]?.getSettings().deviceId;
choice.show(capture.state === "live" && wanted[choice.kind] ? capture.devices : [], chosen);
}
statistics.show(!!model.get("show_stats")), shell.show(sentence, { ratio: picture.ratio, numbers: numbers(model, picture) });
}
function showPicture(remote) {
const own = capture.tracks.video;
if (remote) {
picture.mute(model.get("muted")), picture.show(remote);
return;
}
picture.mute(true), own ? (picture.expect(own.getSettings()), picture.show([own])) : !capture.on && session.state.link !== "gone" && picture.clear();
}
session.addEventListener("closing", () => {
(!capture.on || session.state.link === "gone") && picture.freeze();
}, { signal }), keepUpdated(context, ["muted", "mirror", "controls", "label", "width", "height", "show_stats"], update);
}
function mountConnection(context) {
const { session, model, signal } = context, grid = create("div", { class: "jrtc-tiles" }), empty = create("div", { class: "jrtc-nothing", text: "No streams yet" }), facts = create("div", { class: "jrtc-facts" }), shell = new Shell(context, "Connection", grid, empty);
shell.element.classList.add("jrtc-connection"), shell.bar.after(facts);
const sound = new Button(() => saveMuted(model, !model.get("muted")), signal);
shell.buttons.append(sound.element);
const cards = /* @__PURE__ */ new Map();
signal.addEventListener("abort", () => {
for (const { lifetime } of cards.values()) lifetime.abort();
});
function update() {
const { link, tracks, tiles } = session.state, wanted = new Map(tiles.map((tile) => [tile.slots[0] ?? tile.title, tile]));
for (const [key, card] of cards) wanted.has(key) || (card.lifetime.abort(), card.element.remove(), cards.delete(key));
for (const [key, { title, slots }] of wanted) {
const card = cards.get(key) ?? addCard(key), mine = slots.flatMap((slot) => tracks.get(slot) ?? []);
card.picture.show(mine.map(({ track }) => track)), card.picture.mute(model.get("muted")), card.element.style.setProperty("--jrtc-ratio", String(card.picture.ratio));
const soundOnly = mine.length > 0 && mine.every(({ kind }) => kind === "audio");
card.element.classList.toggle("jrtc-soundonly", soundOnly), card.picture.symbol(soundOnly ? "sound" : "picture"), card.caption.textContent = title;
}
empty.hidden = cards.size > 0, [...tracks.values()].some(({ kind }) => kind === "audio") ? model.get("muted") ? sound.show("sound-off", "Sound on") : sound.show("sound", "Sound off") : sound.hide(), facts.replaceChildren(...fact("connection", model.get("connection_state")), ...fact("ICE", model.get("ice_connection_state")), ...fact("signaling", model.get("signaling_state")), create("span", { class: "jrtc-statistics", text: model.get("statistics") ?? "" }));
const sentence = describeConnection({ link, connectionState: model.get("connection_state"), left: model.get("left") }), name = model.get("label");
shell.show(name ? { ...sentence, text: `${name} · ${sentence.text}` } : sentence);
}
function addCard(key) {
const lifetime = new AbortController(), picture = new Picture(() => update(), lifetime.signal);
session.addEventListener("closing", () => picture.freeze(), { signal: lifetime.signal });
const caption = create("figcaption", { class: "jrtc-caption" }), card = { element: create("figure", { class: "jrtc-tile" }, picture.element, caption), picture, caption, lifetime };
return grid.append(card.element), cards.set(key, card), card;
}
keepUpdated(context, ["muted", "controls", "label", "width", ...["signaling_state", "connection_state", "ice_connection_state", "statistics"]], update);
}
function fact(name, value) {
return value ? [create("span", { class: "jrtc-fact" }, `${name} `, create("b", { text: value }))] : [];
}
var VIEWS = { audio: mountAudio, camera: mountCamera, capture: mountCamera, connection: mountConnection, microphone: mountCamera, screen: mountCamera, video: mountPlayer }, index_default = () => {
let session;
return { initialize({ model, signal }) {
const mine = new Session(model);
session = mine;
const close = () => mine.close();
return signal?.addEventListener("abort", close, { once: true }), close;
}, render({ model, el, signal }) {
session ??= new Session(model);
const lifetime = new AbortController(), detach = session.attach(el);
return lifetime.signal.addEventListener("abort", detach), signal?.addEventListener("abort", () => lifetime.abort(), { once: true }), (VIEWS[model.get("_player")] ?? mountPlayer)({ session, model, el, signal: lifetime.signal }), () => lifetime.abort();
} };
};
export { index_default as default };
