/** Places of answers that are on their way. The line above says so in words. */
export function Skeletons() {
  return (
    <div class="skeletons" aria-hidden="true">
      {[1, 2, 3].map((n) => (
        <div key={n} class="skeleton">
          <i class="skeleton-screen" />
          <div>
            <i class="skeleton-title" />
            <i class="skeleton-line" />
            <i class="skeleton-line skeleton-short" />
          </div>
        </div>
      ))}
    </div>
  );
}
