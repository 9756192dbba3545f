/**
 * Whether labels fit a selector, such as `tier=front,app!=x,env in (a, b),!old`; undefined if it is none.
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function fitsSelector(labels: ReadonlyMap<string, string>, selector: string): boolean | undefined {
  let fits = true;
  for (const requirement of selector.split(/,(?![^()]*\))/u)) {
    const one = fitsRequirement(labels, requirement.trim());
    if (one === undefined) return undefined;
    fits &&= one;
  }
  return fits;
}

function fitsRequirement(labels: ReadonlyMap<string, string>, requirement: string): boolean | undefined {
  const match =
    /^(?<not>!?)(?<key>[\w./-]+)\s*(?:(?<operator>==?|!=|\bin\b|\bnotin\b)\s*(?<operand>[\w.-]*|\([\w.,\s-]*\)))?$/u.exec(
      requirement,
    );
  const { not = '', key = '', operator = '', operand = '' } = match?.groups ?? {};
  if (match === null) return undefined;
  const label = labels.get(key);
  if (operator === '') return (label !== undefined) === (not === '');
  const list = operator.endsWith('in') ? /^\((.*)\)$/su.exec(operand)?.[1]?.split(',') : [operand];
  if (list === undefined || not !== '') return undefined;
  const isIn = label !== undefined && list.some((value) => value.trim() === label);
  return isIn === (operator !== '!=' && operator !== 'notin');
}
