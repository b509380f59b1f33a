// Runs in the measured page before anything of its own. Times are milliseconds since the page was asked for.
(() => {
  // A frame's callbacks come before it is painted, a message that they send after it: what stood in the page is on the screen then.
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(null);
  }));

  const until = (holds) => new Promise((done) => {
    const look = () => (holds() ? painted().then(done) : requestAnimationFrame(look));
    look();
  });

  const first = new Promise((done) => {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") done(entry.startTime);
    }).observe({ type: "paint", buffered: true });
  });

  const rows = new Map();
  const collect = () => {
    let waiting = [];
    const note = (element) => {
      if (element.dataset?.seq !== undefined) waiting.push(Number(element.dataset.seq));
      else for (const row of element.querySelectorAll?.("[data-seq]") ?? []) waiting.push(Number(row.dataset.seq));
    };
    new MutationObserver((changes) => {
      const idle = waiting.length === 0;
      for (const change of changes) change.type === "attributes" ? note(change.target) : change.addedNodes.forEach(note);
      if (!idle || waiting.length === 0) return;
      const seen = waiting;
      painted().then((at) => {
        for (const seq of seen) if (!rows.has(seq)) rows.set(seq, performance.timeOrigin + at);
      });
      waiting = [];
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-seq"] });
  };

  const inputs = [];
  const watchInput = () => new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) inputs.push({ delay: entry.processingStart - entry.startTime, painted: entry.duration });
  }).observe({ type: "event", durationThreshold: 16 });

  const frames = (count, move) => new Promise((done) => {
    const took = [];
    let before = null;
    const frame = (now) => {
      if (before !== null) took.push(now - before);
      before = now;
      if (took.length === count) return done(took);
      move();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

  const long = [];
  new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask", buffered: true });

  globalThis.bench = { until, first, rows, collect, inputs, watchInput, frames, long };
})();
