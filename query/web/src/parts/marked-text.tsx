import { pieces } from '../format.ts';

interface MarkedTextProps {
  text: string;
  /** In UTF-16 units. */
  places: readonly { from: number; to: number }[];
}

export function MarkedText({ text, places }: MarkedTextProps) {
  return (
    <>
      {pieces(text, places).map((piece, i) =>
        piece.marked ? <mark key={i}>{piece.text}</mark> : piece.text,
      )}
    </>
  );
}
