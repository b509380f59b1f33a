/** Layouts away from the page's thread. */
import { layoutOf, type LayoutRequest } from "./layout";

self.onmessage = ({ data }: MessageEvent<{ key: string; request: LayoutRequest }>) => {
  self.postMessage({ key: data.key, layout: layoutOf(data.request) });
};
