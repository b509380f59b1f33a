import { type ComponentType, type ReactNode, useEffect, useState } from "react";

interface Lazily<Props> {
  (props: Props & { fallback?: ReactNode }): ReactNode;
  /** Loads it before it is shown. */
  preload(): void;
}

/**
 * A component whose code is loaded when it is first shown. Unlike `React.lazy` it shows at once where the code is there already, and as soon
 * as it comes where it is not: React holds back what follows another fallback for up to 300 ms.
 */
export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>): Lazily<Props> {
  let loaded: ComponentType<Props> | null = null;
  const get = async () => {
    loaded ??= await load();
    return loaded;
  };
  function Loaded({ fallback = null, ...props }: Props & { fallback?: ReactNode }) {
    const [Found, setFound] = useState(() => loaded);
    const [failure, setFailure] = useState<unknown>(null);
    useEffect(() => {
      if (Found === null) get().then((found) => setFound(() => found), setFailure);
    }, [Found]);
    if (failure !== null) throw failure;
    return Found === null ? fallback : <Found {...(props as unknown as Props)} />;
  }
  Loaded.preload = () => {
    get().catch(() => undefined);
  };
  return Loaded;
}
