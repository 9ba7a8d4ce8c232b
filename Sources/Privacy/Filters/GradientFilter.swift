/// What is done with private gradients before the optimizer gets them. It reads nothing private, so
/// it costs no privacy.
public enum GradientFilter: Sendable, Equatable {
  /// Nothing.
  case none
  /// DiSK.
  case kalman(KalmanGains)
  /// DOPPLER.
  case lowPass(LowPassCoefficients)
}
