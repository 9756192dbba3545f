const gib = 2 ** 30;

/** `1.5 GiB`, `300 MiB` */
export function sizeText(bytes: number): string {
  return bytes >= gib ? `${(bytes / gib).toFixed(1)} GiB` : `${Math.floor(bytes / 2 ** 20)} MiB`;
}
