/** Cleans text that people or tokens bring in before it is shown to others. Decides no limits of its own. */

// what has no shape of its own on a screen, or changes the direction of what does
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const SPACES = /\s+/gu;

/** `text` in NFC with single spaces and visible characters only, cut to `max` code points. */
export function cleanText(text: string, max: number): string {
  const clean = text.normalize("NFC").replace(SPACES, " ").replace(INVISIBLE, "").trim();
  return clean.length <= max ? clean : Array.from(clean).slice(0, max).join("").trim();
}
