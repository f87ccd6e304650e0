import { useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

/** A picture of a video, or a quiet place where there is none. It decorates: what it belongs to is named beside it. */
export function Picture({ url, eager = false }: { url: string | null; eager?: boolean }) {
  const [broken, setBroken] = useState<string | null>(null);
  if (url === null || broken === url) {
    return (
      <span class="picture picture-none">
        <Icon name="picture" />
      </span>
    );
  }
  return (
    <img
      class="picture"
      src={url}
      alt=""
      loading={eager ? 'eager' : 'lazy'}
      decoding="async"
      onError={() => setBroken(url)}
    />
  );
}
