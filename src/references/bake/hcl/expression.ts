/** An expression of HCL, as it is written. */
export type Expression =
  | { readonly type: 'literal'; readonly line: number; readonly value: string | number | boolean | null }
  | { readonly type: 'template'; readonly line: number; readonly parts: readonly Expression[] }
  | { readonly type: 'tuple'; readonly line: number; readonly items: readonly Expression[] }
  | { readonly type: 'object'; readonly line: number; readonly items: readonly ObjectItem[] }
  | { readonly type: 'variable'; readonly line: number; readonly name: string }
  | { readonly type: 'index'; readonly line: number; readonly of: Expression; readonly key: Expression }
  | {
      readonly type: 'splat';
      readonly line: number;
      readonly of: Expression;
      readonly keys: readonly Expression[];
    }
  | {
      readonly type: 'call';
      readonly line: number;
      readonly name: string;
      readonly args: readonly Expression[];
      /** Whether the last argument is a list of arguments: `f(list...)`. */
      readonly isSpread: boolean;
    }
  | { readonly type: 'unary'; readonly line: number; readonly operator: string; readonly of: Expression }
  | {
      readonly type: 'binary';
      readonly line: number;
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'conditional';
      readonly line: number;
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | ForExpression;

interface ObjectItem {
  readonly key: Expression;
  readonly value: Expression;
}

/** `[for k, v in list : v if v != ""]`, or with `key =>` in braces. */
export interface ForExpression {
  readonly type: 'for';
  readonly line: number;
  readonly keyName: string | undefined;
  readonly valueName: string;
  readonly over: Expression;
  /** Undefined: it makes a list. */
  readonly key: Expression | undefined;
  readonly value: Expression;
  readonly condition: Expression | undefined;
  /** Whether values of the same key are put into a list. */
  readonly isGrouped: boolean;
}

/** What stands between braces, or in a file. */
export interface Body {
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly blocks: readonly Block[];
}

export interface Attribute {
  readonly line: number;
  readonly expression: Expression;
}

export interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  readonly line: number;
  readonly body: Body;
}
