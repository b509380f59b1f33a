/** Whether `next` is the address of a page of ours, from which a person was sent to sign in: no other host's. */
export const isPage = (next: string | undefined): next is string => next !== undefined && /^\/(?![/\\])/.test(next);
