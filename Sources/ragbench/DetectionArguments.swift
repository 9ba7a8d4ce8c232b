public import ArgumentParser
public import Defenses

// Choices of Defenses as options take them: by their raw values.
extension WindowChoice: ExpressibleByArgument {}
extension DetectionPolicy: ExpressibleByArgument {}
extension DetectionCalibration.Unit: ExpressibleByArgument {}
