/** The one error class of an app: a failure that maps to an HTTP status. */
export class HttpError extends Error {
  /** The HTTP status code of the answer. */
  status: number;

  constructor(status: number, message?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HttpError";
    this.status = status;
  }
}
